"""A model that is to be judged, with everything that its sandbox must be shown."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from aigc_core import registry
from aigc_core.hub import cache
from aigc_core.registry import Entry


class Candidate(NamedTuple):
    """One model before the judge."""

    entry: Entry
    trusted: bool = False
    """Its plugin's code has been read by somebody: a weaker sandbox may run it."""
    site: str = ""
    """The folder that a contributed plugin was built into; empty for an installed one."""
    why: tuple[str, ...] = ()
    """Why it was chosen, a phrase for each reason."""

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def path(self) -> list[str]:
        """What goes before the installed packages on the path of Python inside."""
        return [*([self.site] if self.site else []), *outside_of_prefix()]

    @property
    def readable(self) -> list[str]:
        """Files and folders that Python inside needs, besides Python itself."""
        own = [self.site] if self.site else []
        return [*own, *code(), registry.builtin_folder(), self.entry.path]

    @property
    def cached(self) -> list[str]:
        """The folder of the Hub's cache that holds its files, where they come from there."""
        manifest = self.entry.manifest
        return [cache.repo_folder(manifest.repo_id)] if manifest and manifest.source == "hub" else []

    @property
    def beside(self) -> list[str]:
        """The files beside its manifest that this names: golden inputs and outputs, and weights that are bundled."""
        manifest = self.entry.manifest
        if manifest is None:
            return []
        golden = manifest.document.get("golden")
        cases = [case for case in golden if isinstance(case, dict)] if isinstance(golden, list) else []
        stored = [case[name] for case in cases for name in ("noise", "output") if isinstance(case.get(name), str)]
        return [*stored, *([file.path for file in manifest.files] if manifest.source == "bundled" else [])]

    @property
    def answers(self) -> list[str]:
        """The stored outputs of its golden cases, which it must compute and not read."""
        named = self.entry.manifest.document.get("golden") if self.entry.manifest else None
        paths = [case.get("output") for case in named if isinstance(case, dict)] if isinstance(named, list) else []
        found = [os.path.realpath(os.path.join(self.entry.folder, path)) for path in paths if isinstance(path, str)]
        inside = os.path.join(os.path.realpath(self.entry.folder), "")
        return [path for path in dict.fromkeys(found) if path.startswith(inside) and os.path.isfile(path)]


def outside_of_prefix() -> list[str]:
    """Return the entries of this Python's path that are not its own: projects installed in place."""
    own = (os.path.realpath(sys.prefix) + os.sep, os.path.realpath(sys.base_prefix) + os.sep)
    found = [os.path.realpath(entry) for entry in sys.path if entry and os.path.isdir(entry)]
    return [*dict.fromkeys(entry for entry in found if not f"{entry}{os.sep}".startswith(own))]


def code() -> list[str]:
    """Return what Python can import from there, and nothing that lies beside it: no settings, no ``.git``."""
    found: list[str] = []
    for folder in outside_of_prefix():
        with os.scandir(folder) as entries:
            found += [entry.path for entry in entries if _importable(entry)]
    return sorted(found)


def _importable(entry: os.DirEntry[str]) -> bool:
    if entry.name.endswith((".dist-info", ".egg-info")):
        return True
    if entry.is_dir():
        return os.path.isfile(os.path.join(entry.path, "__init__.py"))
    return entry.name.endswith((".py", ".so"))
