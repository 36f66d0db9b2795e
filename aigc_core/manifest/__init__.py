"""Manifests: what a model and a plugin say of themselves, as data; read here, judged in ``validate``."""

from aigc_core.manifest.model import ModelManifest
from aigc_core.manifest.plugin import PluginManifest

__all__ = ["ModelManifest", "PluginManifest"]
