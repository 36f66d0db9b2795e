"""What models are looked for by."""

from __future__ import annotations

from typing import NamedTuple

from aigc_core.manifest.model import ModelManifest
from aigc_core.manifest.read import Malformed


class Wanted(NamedTuple):
    """What a manifest is looked for by; an empty text or None is anything."""

    search: str | None = None
    """Part of the id and the summary, whatever the case."""
    family: str | None = None
    task: str | None = None
    plugin: str | None = None

    def matches(self, name: str, manifest: ModelManifest | None) -> bool:
        """Say whether a model is meant, by its id and its manifest, where that can be read."""
        fields = (("family", self.family), ("task", self.task), ("plugin", self.plugin))
        if any(value and getattr(manifest, field, None) != value for field, value in fields):
            return False
        return not self.search or self.search.casefold() in text_of(name, manifest)


def text_of(name: str, manifest: ModelManifest | None) -> str:
    """Return what a search looks into."""
    return f"{name} {manifest.summary if manifest else ''}".casefold()


def manifest_of(path: str) -> ModelManifest | None:
    """Return a manifest; None where the file cannot be used."""
    try:
        return ModelManifest.read(path)
    except Malformed:
        return None
