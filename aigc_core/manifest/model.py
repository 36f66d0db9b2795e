"""What a model says of itself: one JSON document, from which the CLI, the docs and CI know everything."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from aigc_core.manifest.options import check_schema
from aigc_core.manifest.plugin import is_name
from aigc_core.manifest.read import Malformed, pick, read_object


class WeightFile(NamedTuple):
    """One file of weights: bytes with a hash."""

    path: str
    size: int
    sha256: str
    dtype: str
    """The type that its floating-point tensors are stored in, such as ``float16``; empty where not stated."""


class ModelManifest(NamedTuple):
    """The fields of a model manifest that listing and running need; ``document`` holds them all."""

    id: str
    family: str
    task: str
    summary: str
    plugin: str
    architecture: str
    config: dict[str, Any]
    api: int
    """The plugin API that its architecture's code was written for."""
    options: dict[str, Any]
    """The options' JSON Schema: an object of scalar properties."""
    output: dict[str, Any]
    source: str
    """``bundled`` or ``hub``."""
    files: tuple[WeightFile, ...]
    document: dict[str, Any]

    @classmethod
    def read(cls, path: str) -> ModelManifest:
        """Read the file. Raises ``Malformed`` where it cannot be used; the full check is ``validate``'s."""
        document, origin = read_object(path), os.path.basename(path)

        def text(field: str) -> str:
            return str(pick(document, field, str, origin))

        if not is_name(text("id")):
            raise Malformed(f"{origin}: id {text('id')!r} is not lower-case letters, digits and dashes")
        options = document.get("use", {}).get("options", {}) if isinstance(document.get("use"), dict) else {}
        reason = check_schema(options)
        if reason:
            raise Malformed(f"{origin}: use.options{reason}")
        return cls(
            id=text("id"),
            family=text("family"),
            task=text("task"),
            summary=text("summary"),
            plugin=text("code.plugin"),
            architecture=text("code.architecture"),
            config=pick(document, "code.config", dict, origin),
            options=options,
            api=pick(document, "code.api", int, origin),
            output=_output(document, origin),
            source=text("weights.source"),
            files=tuple(_weight_file(entry, origin) for entry in pick(document, "weights.files", list, origin)),
            document=document,
        )


def _output(document: dict[str, Any], origin: str) -> dict[str, Any]:
    output: dict[str, Any] = pick(document, "use.output", dict, origin)
    where = f"{origin}, use.output"
    pick(output, "kind", str, where)
    shape, bounds = pick(output, "shape", list, where), pick(output, "range", list, where)
    if not shape or not all(type(size) is int and 0 < size <= 1_000_000 for size in shape):
        raise Malformed(f"{where}: shape is no list of sizes")
    if output["kind"] == "image" and (len(shape) != 3 or shape[0] not in (1, 3)):
        raise Malformed(f"{where}: shape is no [channels, height, width] with 1 or 3 channels")
    if len(bounds) != 2 or not all(type(end) in (int, float) for end in bounds) or bounds[0] >= bounds[1]:
        raise Malformed(f"{where}: range is no pair of a low and a high number")
    return output


def leaves_folder(path: str) -> bool:
    """Say whether a path is anything but a plain relative one with forward slashes."""
    parts = path.split("/")
    return os.path.isabs(path) or "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts)


def _weight_file(entry: Any, origin: str) -> WeightFile:
    if not isinstance(entry, dict):
        raise Malformed(f"{origin}: an entry of weights.files is no object")
    where = f"{origin}, weights.files"
    path = str(pick(entry, "path", str, where))
    if leaves_folder(path):
        raise Malformed(f"{where}: path {path!r} leaves the model's folder")
    size, sha256 = entry.get("size"), entry.get("sha256")
    return WeightFile(
        path,
        size if isinstance(size, int) else -1,
        sha256 if isinstance(sha256, str) else "",
        str(entry.get("dtype", "")),
    )
