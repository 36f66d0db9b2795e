"""From a path to the files that can be checked there."""

from __future__ import annotations

import os
from typing import NamedTuple

from aigc_core.errors import WrongUse

KINDS = {"models": "model", "recipes": "recipe"}
"""Folders of a ``zoo`` whose files are checked by themselves, and what their files are."""


class File(NamedTuple):
    """One file that is checked."""

    kind: str
    """``model``, ``plugin``, ``recipe`` or ``project``."""
    path: str

    @property
    def subject(self) -> str:
        """What findings about it are about."""
        stem = os.path.basename(self.path).removesuffix(".json")
        if self.kind == "model" and stem == "aigc-zoo":  # beside the files of a folder of its own
            stem = os.path.basename(os.path.dirname(os.path.abspath(self.path)))
        if self.kind == "plugin":
            stem = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(self.path))))
        return stem if self.kind == "model" else f"{self.kind} {stem}"

    @property
    def folder(self) -> str:
        """Where the files lie that it names: beside it in a folder of its own, else above its own folder."""
        here = os.path.dirname(os.path.abspath(self.path))
        beside = self.kind == "plugin" or os.path.basename(self.path) == "aigc-zoo.json"
        return here if beside else os.path.dirname(here)


def files(path: str) -> list[File]:
    """Return the files to check, in the order in which their findings read best.

    Raises ``WrongUse`` where there is nothing to check.
    """
    if os.path.isfile(path):
        return [_file(path)]
    if not os.path.isdir(path):
        raise WrongUse(f"There is no file or folder {path}.", "Name a project, a zoo folder, a manifest or a model.")
    found = _of_zoos(path) or _of_models(path)
    if not found:
        hint = "It takes a folder with zoo/plugin.json in it or in its packages, or one of manifests."
        raise WrongUse(f"{path} has neither a plugin nor manifests.", hint)
    project = os.path.join(path, "pyproject.toml")
    return [*([File("project", project)] if os.path.isfile(project) else []), *found]


def _file(path: str) -> File:
    name, folder = os.path.basename(path), os.path.basename(os.path.dirname(os.path.abspath(path)))
    if name in ("plugin.json", "pyproject.toml"):
        return File(name.removesuffix(".json").removesuffix(".toml").replace("pyproject", "project"), path)
    if not name.endswith(".json"):
        raise WrongUse(f"{path} is no manifest.", "It takes a .json, or the folder of a plugin.")
    return File(KINDS.get(folder, "model"), path)


def _of_zoos(path: str) -> list[File]:
    """Return the files of the zoo folder that this is, or that lie in it, its packages or its src."""
    inside = [path, os.path.join(path, "zoo")]
    for parent in (path, os.path.join(path, "src")):
        inside += [os.path.join(parent, name, "zoo") for name in _names(parent)]
    zoos = [folder for folder in dict.fromkeys(inside) if os.path.isfile(os.path.join(folder, "plugin.json"))]
    found = []
    for zoo in zoos:
        found.append(File("plugin", os.path.join(zoo, "plugin.json")))
        for folder, kind in KINDS.items():
            where = os.path.join(zoo, folder)
            found += [File(kind, os.path.join(where, name)) for name in _names(where) if name.endswith(".json")]
    return found


def _of_models(path: str) -> list[File]:
    own = os.path.join(path, "aigc-zoo.json")
    if os.path.isfile(own):
        return [File("model", own)]
    return [File("model", os.path.join(path, name)) for name in _names(path) if name.endswith(".json")]


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []
