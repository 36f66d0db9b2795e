"""Which models of ours use what the cache holds."""

from __future__ import annotations

from typing import NamedTuple

from aigc_core import registry
from aigc_core.hub import lock
from aigc_core.hub.cached.contents import Revision
from aigc_core.hub.names import is_hub_name
from aigc_core.manifest.model import WeightFile


class Use(NamedTuple):
    """One model that needs files of a repository's revision."""

    name: str
    """What ``aigc-zoo pull`` calls it."""
    files: tuple[WeightFile, ...]

    def complete(self, revision: Revision) -> bool:
        """Say whether all of its files are there, with their size; nothing is hashed for that."""
        sizes = {file.path: file.size for file in revision.files}
        return all(file.path in sizes and file.size in (-1, sizes[file.path]) for file in self.files)


def uses() -> dict[tuple[str, str], list[Use]]:
    """Return the models that use a repository at a commit: those that are listed, and those that a lock file pins.

    Raises ``WrongUse`` where the settings or a lock file is damaged.
    """
    found: dict[tuple[str, str], list[Use]] = {}
    for entry in registry.entries():
        manifest = entry.manifest
        if manifest and manifest.source == "hub" and manifest.revision:
            found.setdefault((manifest.repo_id, manifest.revision), []).append(Use(entry.id, manifest.files))
    for name, pin in (lock.read(lock.user_path()) | lock.read(lock.project_path())).items():
        if is_hub_name(name):
            found.setdefault((pin.repo_id, pin.revision), []).append(Use(name, pin.files))
    return found
