"""The files that a manifest names: their paths stay in its folder and, where it bundles them, their bytes are right."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

from aigc_core.manifest.lines import Path
from aigc_core.manifest.model import leaves_folder
from aigc_core.manifest.problems import place, plain, shown
from aigc_core.manifest.report import Report
from aigc_core.verified import sha256_of


def check_files(document: dict[str, Any], folder: str, report: Report) -> None:
    """Check every file of a model manifest whose types are sound; bundled ones lie in ``folder``."""
    bundled = document.get("weights", {}).get("source") == "bundled"
    for path, field, entry in _named_files(document):
        name, at = entry.get(field), (*path, field)
        if name is None:
            continue
        real, inside = os.path.realpath(os.path.join(folder, name)), os.path.realpath(folder) + os.sep
        if leaves_folder(name) or (bundled and not real.startswith(inside)):
            hint = "It takes a relative path with forward slashes, such as weights/model.safetensors."
            report.add("path-escapes", at, f"{place(at)} is {shown(name)}, which leaves the folder.", hint)
        elif bundled:
            _check_file(real, entry if field != "noise" else {}, path, field, report)


def _named_files(document: dict[str, Any]) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Yield each object that names a file, with the field that does."""
    for index, entry in enumerate(document.get("weights", {}).get("files", [])):
        yield ("weights", "files", index), "path", entry or {}
    yield ("origin",), "recipe", document.get("origin", {})
    for index, entry in enumerate(document.get("golden", [])):
        for field in ("noise", "output"):
            yield ("golden", index), field, entry or {}


def _check_file(real: str, entry: dict[str, Any], path: Path, field: str, report: Report) -> None:
    try:
        if not os.path.isfile(real):  # to open a pipe would wait for ever
            raise OSError(errno.ENOENT, "there is no such file")
        size = os.path.getsize(real)
        if entry.get("size", size) != size:
            message = f"{plain(real)} has {size} bytes, the manifest says {shown(entry['size'])}."
            report.add("wrong-size", (*path, "size"), message, f"It takes {size}, if the file is right.")
            return
        sha256 = sha256_of(real)  # of any file, for this also finds out whether it can be read
    except OSError as error:
        hint = "Put the file there, or correct the path; it counts from the folder above models/."
        message = f"{plain(real)} cannot be read: {(error.strerror or str(error)).lower()}."
        report.add("missing-file", (*path, field), message, hint)
        return
    if entry.get("sha256", sha256) != sha256:
        message = f"{plain(real)} has another SHA-256 than the manifest says."
        report.add("wrong-hash", (*path, "sha256"), message, f'It takes "{sha256}", if the file is right.')
