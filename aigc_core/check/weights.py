"""A model's bundled tensors by the header of their file, read without any library: what they are stored as."""

from __future__ import annotations

import json
import os
from typing import Any

from aigc_core.manifest.lines import scan
from aigc_core.manifest.problems import Problem
from aigc_core.manifest.read import read_object, read_text
from aigc_core.manifest.report import Report

_FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
_HEADER = 100_000_000
"""Bytes: what the format allows."""


def problems(path: str) -> list[Problem]:
    """Return what is wrong with the tensors of a manifest that has no other fault."""
    document, report = read_object(path), Report(scan(read_text(path)))
    beside = os.path.basename(path) == "aigc-zoo.json"
    folder = os.path.dirname(path) if beside else os.path.dirname(os.path.dirname(os.path.abspath(path)))
    if document["weights"]["source"] == "bundled":
        for index, file in enumerate(document["weights"]["files"]):
            if file["format"] == "safetensors":
                _check_types(os.path.join(folder, file["path"]), file, index, report)
    return report.problems


def _check_types(path: str, file: dict[str, Any], index: int, report: Report) -> None:
    try:
        stored = {entry["dtype"] for name, entry in header(path).items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError):
        text = f"{file['path']} is no safetensors file: its header cannot be read."
        report.add("bad-tensors", ("weights", "files", index, "path"), text, "Save it again with safetensors.")
        return
    types = sorted({_FLOATS[each] for each in stored if each in _FLOATS})
    said = file.get("dtype")
    if said and types and types != [said]:
        text = f"{file['path']} stores {' and '.join(types)}, the manifest says {said}."
        hint = f'It takes "{types[0]}".' if len(types) == 1 else "Store all of one type, or leave dtype out."
        report.add("wrong-dtype", ("weights", "files", index, "dtype"), text, hint)


def header(path: str) -> dict[str, Any]:
    """Return the header of a safetensors file. Raises ``ValueError`` where it has none."""
    with open(path, "rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if not 0 < size <= min(_HEADER, os.fstat(stream.fileno()).st_size - 8):
            raise ValueError("no header")
        found = json.loads(stream.read(size))
    if not isinstance(found, dict):
        raise ValueError("no header")
    return found
