"""Which files of a folder in the Hub's layout belong to its model: those that its manifest names, and no others."""

from __future__ import annotations

import os
from typing import NamedTuple

from aigc_core.errors import NotAvailable, Refused
from aigc_core.hub.choose import CONFIG, MANIFEST
from aigc_core.manifest.model import ModelManifest, leaves_folder
from aigc_core.manifest.read import Malformed

CARD = "README.md"


class Listed(NamedTuple):
    """One file, and what the manifest says of its bytes."""

    path: str
    """Its path in the folder, with forward slashes."""
    size: int = -1
    """In bytes; -1 where the manifest does not say it."""
    sha256: str = ""
    """Empty where the manifest does not say it."""


def own_manifest(folder: str) -> ModelManifest:
    """Read a folder's ``aigc-zoo.json``. Raises ``NotAvailable`` where it has none that can be used."""
    try:
        return ModelManifest.read(os.path.join(folder, MANIFEST))
    except Malformed as error:
        raise NotAvailable(f"{folder} is no model in the Hub's layout: {error}.") from error


def listed(folder: str, manifest: ModelManifest) -> list[Listed]:
    """Return the files that belong to the model of a folder, by path; whatever else lies there does not.

    Raises ``NotAvailable`` where one is missing, ``Refused`` where one is a link out of the folder.
    """
    files = [Listed(CARD), Listed(MANIFEST), Listed(CONFIG)]
    files += [Listed(file.path, file.size, file.sha256) for file in manifest.files]
    if recipe := manifest.document.get("origin", {}).get("recipe"):
        files.append(Listed(recipe))
    for case in manifest.document.get("golden", []):
        files += [Listed(case["noise"])] if "noise" in case else []
        files.append(Listed(case["output"], sha256=case["sha256"]))
    for file in files:
        inside(folder, file.path)
    # Of two that say the same path, the one that says more: config.json may be one of the weights' files.
    return sorted({file.path: file for file in sorted(files, key=lambda file: (file.sha256, file.size))}.values())


def inside(folder: str, name: str) -> str:
    """Return the real path of a folder's file.

    Raises ``NotAvailable`` where it is missing or no file, ``Refused`` where it lies outside the folder.
    """
    path = os.path.realpath(os.path.join(folder, *name.split("/")))
    if leaves_folder(name) or not path.startswith(os.path.realpath(folder) + os.sep):
        raise Refused(f"{name} lies outside {folder}, or is a link that leaves it.", "Put the file itself there.")
    if not os.path.isfile(path):
        raise NotAvailable(f"{folder} has no file {name}, which belongs to its model.")
    return path
