"""What a model says of itself: one JSON document, from which the CLI, the docs and CI know everything."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from aigc_core.manifest.converters import convert
from aigc_core.manifest.options import check_schema
from aigc_core.manifest.plugin import is_name
from aigc_core.manifest.read import Malformed, pick, read_object

TAKES_IMAGES = ("reconstruct", "interpolate", "translate", "encode", "features")
"""Capabilities that need ``use.input``: how an image is brought to the model."""


def interpolates_samples(capabilities: Sequence[str], takes_images: bool) -> bool:
    """Say whether ``interpolate`` is between samples of a seed: of a generator that takes no images.

    ``takes_images`` is whether its manifest has ``use.input``.
    """
    able = {*capabilities}
    return {"interpolate", "generate"} <= able and not takes_images and not able & {"reconstruct", "encode"}


class WeightFile(NamedTuple):
    """One file of weights: bytes with a hash."""

    path: str
    size: int
    sha256: str
    format: str
    """``safetensors``, ``json``, ``text`` or, where a manifest opts in, ``pickle``."""
    dtype: str = ""
    """The type that its floating-point tensors are stored in, such as ``float16``; empty where not stated."""

    @property
    def pinned(self) -> bool:
        """Its size and hash are known, so that it can be verified."""
        return self.size >= 0 and bool(self.sha256)


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
    input: dict[str, Any]
    """What an autoencoder or a translator takes, with its defaults filled in; empty where the model takes no image."""
    capabilities: tuple[str, ...]
    """The verbs that the model is for; ``generate`` is ``run``."""
    source: str
    """``bundled`` or ``hub``."""
    repo_id: str
    """The repository on the Hub, ``ORGANISATION/NAME``; empty where bundled, as is ``revision``."""
    revision: str
    """The 40-hex commit; empty where the model is not pinned."""
    files: tuple[WeightFile, ...]
    distribution: str
    """The distribution that has the plugin, to be named where that is not installed; empty where not stated."""
    document: dict[str, Any]

    @property
    def pinned(self) -> bool:
        """Every file has a size and a hash and, on the Hub, a commit."""
        return (self.source == "bundled" or bool(self.revision)) and all(file.pinned for file in self.files)

    @property
    def interpolates_samples(self) -> bool:
        """Its ``interpolate`` is between samples of a seed, not between images."""
        return interpolates_samples(self.capabilities, bool(self.input))

    @property
    def licence(self) -> str | None:
        """The licence of the weights; None where none is declared, in whatever way."""
        terms = self.document.get("terms")
        licence = terms.get("weights") if isinstance(terms, dict) else None
        return licence if isinstance(licence, str) and licence else None

    @classmethod
    def read(cls, path: str) -> ModelManifest:
        """Read the file. Raises ``Malformed`` where it cannot be used; the full check is ``validate``'s."""
        return cls.of(convert("model", read_object(path)).document, os.path.basename(path))

    @classmethod
    def of(cls, document: dict[str, Any], origin: str) -> ModelManifest:
        """Take a manifest from a parsed document; ``origin`` names it in the errors. Raises as ``read`` does."""

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
            input=_input(document, origin),
            capabilities=_capabilities(document, origin),
            source=text("weights.source"),
            repo_id=_repo_id(document, origin),
            revision=_revision(document, origin),
            files=tuple(weight_file(entry, origin) for entry in pick(document, "weights.files", list, origin)),
            distribution=_distribution(document["code"].get("distribution", "")),
            document=document,
        )


def _distribution(value: Any) -> str:
    """Return what pip can install; it is shown in a command, so anything else counts as not stated."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value) else ""


def _repo_id(document: dict[str, Any], origin: str) -> str:
    if document["weights"]["source"] != "hub":
        return ""
    repo_id = str(pick(document, "weights.repo_id", str, origin))
    if not is_repo_id(repo_id):
        raise Malformed(f"{origin}: weights.repo_id {repo_id!r} is no ORGANISATION/NAME")
    return repo_id


def _revision(document: dict[str, Any], origin: str) -> str:
    revision = document["weights"].get("revision", "")
    if not isinstance(revision, str) or (revision and not is_commit(revision)):
        raise Malformed(f"{origin}: weights.revision is no commit of 40 lower-case hexadecimal digits")
    return revision


def is_repo_id(text: str) -> bool:
    """Say whether a text can name a repository on the Hub: ``ORGANISATION/NAME``."""
    part = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,95})"
    return re.fullmatch(f"{part}/{part}", text) is not None and ".." not in text and "--" not in text


def is_commit(text: str) -> bool:
    """Say whether a text is a full commit id: 40 lower-case hexadecimal digits."""
    return re.fullmatch(r"[0-9a-f]{40}", text) is not None


def _output(document: dict[str, Any], origin: str) -> dict[str, Any]:
    output: dict[str, Any] = pick(document, "use.output", dict, origin)
    where = f"{origin}, use.output"
    if pick(output, "kind", str, where) == "text":
        return output
    shape, free = pick(output, "shape", list, where), "generate" not in _capabilities(document, origin)
    if not shape or not all(_is_size(size, 1_000_000) or (free and size is None) for size in shape):
        raise Malformed(f"{where}: shape is no list of sizes")
    if output["kind"] == "features":  # which have no range
        return output
    if output["kind"] == "image":
        _check_image(shape, where)
    _check_range(output, where)
    return output


def _input(document: dict[str, Any], origin: str) -> dict[str, Any]:
    if "input" not in document["use"]:
        return {}
    where = f"{origin}, use.input"
    taken: dict[str, Any] = {"multiple": 1, "largest": 1024, **pick(document, "use.input", dict, origin)}
    shape, sizes = pick(taken, "shape", list, where), taken["shape"][1:]
    _check_image(shape, where)
    if sizes != [None, None] and not all(_is_size(size, 8192) for size in sizes):
        raise Malformed(f"{where}: shape has a height and width that are neither two sizes nor null both")
    if not _is_size(taken["multiple"], 1024) or not _is_size(taken["largest"], 8192):
        raise Malformed(f"{where}: multiple or largest is no number of pixels")
    if pick(taken, "kind", str, where) != "image":
        raise Malformed(f"{where}: kind is no image")
    _check_range(taken, where)
    return taken


def _capabilities(document: dict[str, Any], origin: str) -> tuple[str, ...]:
    found = document.get("capabilities", ["generate"])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise Malformed(f"{origin}: capabilities is no list of names")
    return tuple(found)


def _is_size(value: Any, most: int) -> bool:
    return type(value) is int and 0 < value <= most


def _check_image(shape: list[Any], where: str) -> None:
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise Malformed(f"{where}: shape is no [channels, height, width] with 1 or 3 channels")


def _check_range(entry: dict[str, Any], where: str) -> None:
    bounds = pick(entry, "range", list, where)
    if len(bounds) != 2 or not all(type(end) in (int, float) for end in bounds) or bounds[0] >= bounds[1]:
        raise Malformed(f"{where}: range is no pair of a low and a high number")


def leaves_folder(path: str) -> bool:
    """Say whether a path is anything but a plain relative one with forward slashes."""
    parts = path.split("/")
    return os.path.isabs(path) or "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts)


def weight_file(entry: Any, origin: str) -> WeightFile:
    """Take one file from a parsed list of files. Raises ``Malformed`` where it cannot be used."""
    if not isinstance(entry, dict):
        raise Malformed(f"{origin}: an entry of weights.files is no object")
    where = f"{origin}, weights.files"
    path = str(pick(entry, "path", str, where))
    if leaves_folder(path) or len(path) > 500:
        raise Malformed(f"{where}: path {path[:100]!r} leaves the model's folder or is too long")
    size, sha256 = entry.get("size", -1), entry.get("sha256", "")
    if type(size) is not int or not -1 <= size < 2**63:
        raise Malformed(f"{where}: size of {path} is no number of bytes")
    if not isinstance(sha256, str) or (sha256 and not re.fullmatch(r"[0-9a-f]{64}", sha256)):
        raise Malformed(f"{where}: sha256 of {path} is not 64 lower-case hexadecimal digits")
    kind, dtype = entry.get("format", ""), entry.get("dtype", "")
    if not isinstance(kind, str) or not isinstance(dtype, str):
        raise Malformed(f"{where}: format or dtype of {path} is no text")
    return WeightFile(path, size, sha256, kind, dtype)
