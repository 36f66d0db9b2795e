"""The Hub's layout: how a model lies in a repository or folder of its own, and how one from elsewhere gets there.

``aigc-zoo.json`` is the manifest and names every file of the model; beside it lie ``README.md``, ``config.json`` and
``model.safetensors``. What the manifest does not name is no part of the model.
"""

from __future__ import annotations

import copy
import errno
import json
import os
import posixpath
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.hub.choose import CONFIG, MANIFEST
from aigc_core.hub.publish.card import LIBRARY, card, check
from aigc_core.hub.publish.listing import CARD, inside
from aigc_core.manifest.read import Malformed, read_text
from aigc_core.registry import Entry

RECIPE, WEIGHTS, GOLDEN = "recipe.json", "model.safetensors", "golden"
ENDINGS = (".safetensors", ".json", ".txt", ".jinja")
"""What a published file may end in: nothing that can hold code or that only one library can read."""

Parts = dict[str, "Path | bytes"]
"""Each file of a model in the layout by its path: a file that is here, or bytes that are written for it."""


def export(entry: Entry, files: Mapping[str, Path], folder: str, repo_id: str = "") -> list[str]:
    """Write a model in the Hub's layout into an empty folder, and return the paths of its files there.

    ``files`` are its verified weight files by their name in the manifest; ``repo_id`` is where it is to go, for its
    card. Equal models give equal bytes. Raises as ``contents`` does, ``WrongUse`` for a folder that is not empty or
    cannot be written, and ``NotAvailable`` where the disk is full.
    """
    parts = contents(entry, files, repo_id)
    try:
        os.makedirs(folder, exist_ok=True)
        if os.listdir(folder):
            raise WrongUse(f"{folder} is not empty.", "Name a new folder.")
        for name, source in parts.items():
            target = os.path.join(folder, *name.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if isinstance(source, bytes):
                Path(target).write_bytes(source)
            else:
                shutil.copyfile(source, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint = "Free some, or set TMPDIR to a larger disk."
            raise NotAvailable(f"There is no space for a copy of {entry.id} in {folder}.", hint) from error
        raise WrongUse(f"Cannot write into {folder}: {(error.strerror or str(error)).lower()}.") from error
    return list(parts)


def contents(entry: Entry, files: Mapping[str, Path], repo_id: str = "") -> Parts:
    """Return what the files of a model in the layout are; nothing is written. Takes what ``export`` takes.

    Raises ``Refused`` for a manifest that is not valid, for files that are not to be published, and where the model's
    own README.md contradicts it; ``NotAvailable`` where a golden file is missing.
    """
    assert entry.manifest is not None
    names = _places([path for path in files if path != CARD])
    parts: Parts = {name: files[path] for path, name in names.items()}
    document = copy.deepcopy(entry.manifest.document)
    if entry.plugin:
        document["code"].setdefault("distribution", entry.plugin.distribution)
    document["weights"] = _weights(entry, names)
    if entry.manifest.source == "hub":
        document.pop("provenance", None)  # it points at a revision, which is no more
    _place_recipe(entry, document.get("origin", {}), parts)
    for case in document.get("golden", []):
        _place_golden(entry, case, parts)
    _check_document(entry, document)
    if CONFIG not in parts:
        kind = {"model_type": entry.manifest.architecture, "library_name": LIBRARY}
        parts[CONFIG] = _json({**kind, **entry.manifest.config})
    for name in parts:
        _check_name(entry, name)
    return {CARD: _card(entry, document, repo_id), MANIFEST: _json(document), **parts}


def _places(paths: list[str]) -> dict[str, str]:
    """Return where each weight file goes: the folders that all are in fall away, a lone safetensors file is renamed."""
    common = posixpath.commonpath([posixpath.dirname(path) for path in paths]) if paths else ""
    names = {path: posixpath.relpath(path, common or ".") for path in paths}
    tensors = [path for path in paths if path.endswith(".safetensors")]
    if len(tensors) == 1:
        names[tensors[0]] = WEIGHTS
    return names


def _weights(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    assert entry.manifest is not None
    files = []
    for file in entry.manifest.files:
        if file.path in names:
            facts = {"path": names[file.path], "size": file.size, "sha256": file.sha256, "format": file.format}
            files.append(facts | ({"dtype": file.dtype} if file.dtype else {}))
    return {"source": "bundled", "files": files}


def _place_recipe(entry: Entry, origin: dict[str, Any], parts: Parts) -> None:
    if "recipe" in origin:
        try:
            _put(parts, RECIPE, Path(inside(entry.folder, origin["recipe"])))
            origin["recipe"] = RECIPE
        except NotAvailable:
            del origin["recipe"]


def _place_golden(entry: Entry, case: dict[str, Any], parts: Parts) -> None:
    for field in ("noise", "output"):
        if field in case:
            name = f"{GOLDEN}/{posixpath.basename(case[field])}"
            _put(parts, name, Path(inside(entry.folder, case[field])))
            case[field] = name


def _put(parts: Parts, name: str, source: Path) -> None:
    if parts.setdefault(name, source) != source:
        raise Refused(f"Two of the model's files would be called {name}.", "Give one of them another name.")


def _check_document(entry: Entry, document: dict[str, Any]) -> None:
    from aigc_core.manifest.against_schema import check_against
    from aigc_core.manifest.lines import scan
    from aigc_core.manifest.report import Report
    from aigc_core.manifest.schema import schema

    report = Report(scan(json.dumps(document)))
    check_against(document, schema("model"), (), report)
    if report.problems:
        first, more = report.problems[0], len(report.problems) - 1
        text = f"The manifest of {entry.id} is not valid: {first.message}" + (f" ({more} more)" if more else "")
        raise Refused(text, f"See all: python -m aigc_core.manifest {entry.path}")


def _check_name(entry: Entry, name: str) -> None:
    plain = re.fullmatch(r"(\w[\w.-]*/)*\w[\w.-]*", name, re.ASCII)
    if not plain or not name.endswith(ENDINGS) or name == MANIFEST:
        raise Refused(
            f"{entry.id} has a file {name!r}, which is not published.",
            f"Names are letters, digits, dots, dashes and underscores, and end in {', '.join(ENDINGS)}.",
        )


def _card(entry: Entry, document: dict[str, Any], repo_id: str) -> bytes:
    """Return the card: the one in the model's own folder where a person wrote it, else one from the manifest."""
    if entry.origin == "folder" and os.path.lexists(os.path.join(entry.folder, CARD)):
        try:
            own = read_text(inside(entry.folder, CARD))
        except Malformed as error:
            raise Refused(f"README.md cannot be published: {error}.") from error
        if own != card(document):
            check(own, document)
            return own.encode()
    return card(document, repo_id).encode()


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
