"""The folders that manifests lie in, and what is read from there."""

from __future__ import annotations

import os
from typing import NamedTuple

from aigc_core.discovery import Plugin
from aigc_core.manifest.model import ModelManifest
from aigc_core.manifest.read import Malformed
from aigc_core.paths import home
from aigc_core.registry.entry import Entry, judged

LARGE = 5_000
"""Manifests from which on a folder is not read whole where something else will do."""


class Place(NamedTuple):
    """A folder of manifests."""

    folder: str
    origin: str
    """Who lists what is there: ``plugin NAME``, ``registry`` or ``user``."""
    plugins: dict[str, Plugin]
    """Which plugin each name means there."""


def plugins_by_name(plugins: list[Plugin]) -> dict[str, Plugin]:
    """Return the plugin that each name means: of two that claim it, the disabled one steps back."""
    return {plugin.name: plugin for plugin in sorted(plugins, key=lambda one: one.state != "disabled")}


def builtin_folder() -> str:
    """Return the zoo's index: inside the installed package, or beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "_registry")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "registry")


def user_folder() -> str:
    """Return the folder of the user's own manifests."""
    return os.path.join(home("data"), "models")


def read_all(place: Place) -> list[Entry]:
    """Return every model of a place; none where the folder is not there."""
    try:
        names = sorted(name for name in os.listdir(place.folder) if name.endswith(".json"))
    except OSError:
        return []
    return [read(os.path.join(place.folder, name), place) for name in names]


def read(path: str, place: Place) -> Entry:
    """Return the model of a manifest's file, which may be anything."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    entry = Entry(os.path.basename(path)[:-5], path, folder, None, None, place.origin, "broken")
    try:
        manifest = ModelManifest.read(path)
    except Malformed as error:
        return entry._replace(reason=str(error), repair="aigc-zoo doctor")
    if manifest.id != entry.id:  # so that one folder cannot list an id twice
        reason = f"{path} says id {manifest.id}, so it must be named {manifest.id}.json"
        return entry._replace(reason=reason, repair="aigc-zoo doctor")
    return judged(entry._replace(manifest=manifest, plugin=place.plugins.get(manifest.plugin)))
