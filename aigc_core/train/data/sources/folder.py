"""A folder of images; the names of its subfolders are the labels, where it has any."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.train.data.fields import choice, field, only
from aigc_core.train.data.sources.decode import FORMATS, Decoded
from aigc_core.train.data.sources.found import Images

_SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)


def images(source: Mapping[str, Any], folder: str | None, data: str) -> Images:
    """Read ``{"folder": SUBFOLDER, "mode": "L" | "RGB", "lazy": false}``; the subfolder may be left out.

    Files are sorted by their path; links to folders are not followed. Raises ``NotAvailable`` where there is none.
    """
    where = "data.source"
    only(source, ["kind", "folder", "mode", "lazy"], where)
    mode = choice(source, "mode", ["L", "RGB"], where)
    lazy = field(source, "lazy", bool, where, False)
    below = field(source, "folder", str, where, "")
    if folder is None:
        raise WrongUse(f"The data set {data} is read from a folder, and none was given.", "Name it with --data.")
    if Path(below).is_absolute() or ".." in Path(below).parts:
        raise WrongUse(f"The recipe names {below}, which does not lie in the data set's folder.")
    top = Path(folder) / below
    if not top.is_dir():
        raise NotAvailable(f"There is no data set {data} in {folder}: {top} is no folder.")
    paths = _files(top)
    if not paths:
        raise NotAvailable(f"{top} holds no image: no file in it ends in {', '.join(_SUFFIXES)}.")
    labels, classes = _labels(paths, top)
    return Images(Decoded(paths, mode, lambda index: str(paths[index])), labels, classes, lazy=lazy)


def _files(top: Path) -> list[Path]:
    found = []
    for folder, _, names in os.walk(top):
        found += [Path(folder, name) for name in names if name.lower().endswith(_SUFFIXES) and name[0] != "."]
    return sorted(found, key=lambda path: path.relative_to(top).as_posix())


def _labels(paths: list[Path], top: Path) -> tuple[np.ndarray | None, list[str] | None]:
    parts = [path.relative_to(top).parts for path in paths]
    if all(len(each) == 1 for each in parts):
        return None, None
    if loose := next((path for path, each in zip(paths, parts, strict=True) if len(each) == 1), None):
        raise NotAvailable(
            f"{loose} lies beside the subfolders that label the other images.", "Move it into one of them."
        )
    classes = sorted({each[0] for each in parts})
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places[each[0]] for each in parts], np.int64), classes
