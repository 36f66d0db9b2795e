"""Conversions of verified weights into another engine's files: made once, kept, and checked on every use.

A conversion is a folder in the user's cache, named by the hash of all that it depends on. It is made beside its place
and moved there whole, so that a process that dies leaves nothing that is taken for one. ``kept.json`` in it has the
size and the SHA-256 of each file; one that no longer agrees, after a power cut or a bad disk, is made again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable, ZooError
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.paths import home
from aigc_core.verified import known_sha256, remember, sha256_of, verify
from aigc_text.architecture.shape import Shape

_CONTENTS = "kept.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def key(weights: Mapping[str, Path], shape: Shape, dtype: str, converter: str) -> dict[str, Any]:
    """Return what a conversion depends on: the hashes of a model's safetensors files, what is made of them, and by
    which ``converter``. Raises ``OSError`` where a file cannot be read."""
    hashes = sorted(known_sha256(path) for name, path in weights.items() if name.endswith(".safetensors"))
    return {"weights": hashes, "shape": shape._asdict(), "dtype": dtype, "converter": converter}


def kept(kind: str, key: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
    """Return the folder that ``make`` fills, for an engine of the name ``kind``; fill it where it is not there yet.

    ``make`` gets an empty folder. Processes that want the same one wait for the first. Raises ``NotAvailable`` where
    the disk is full or the cache cannot be written, and whatever ``make`` raises; nothing half-made is left in use.
    """
    place = folder() / f"{kind}-{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]}"
    if _whole(place):
        return place
    with _writing(place):
        os.makedirs(place.parent, exist_ok=True)
        with _locked(place):
            if not _whole(place):  # another process may have made it meanwhile
                _make(kind, place, make)
    return place


def folder() -> Path:
    """Return where conversions are kept; it may not exist yet."""
    return Path(home("cache"), "engines")


def _make(kind: str, place: Path, make: Callable[[Path], None]) -> None:
    print(f"Converting for {kind}, once: the result is kept in {place}.", file=sys.stderr)
    part = place.with_name(f".{place.name}.part")  # only the lock's holder comes here: what lies there is a dead one's
    for old in (part, place):
        if old.exists():
            shutil.rmtree(old)
    part.mkdir()
    try:
        make(part)
        files = {path.name: {"size": path.stat().st_size, "sha256": sha256_of(path)} for path in sorted(part.iterdir())}
        (part / _CONTENTS).write_text(json.dumps({"files": files}), encoding="utf-8")
        os.rename(part, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    for name, file in files.items():
        remember(place / name, str(file["sha256"]))


def _whole(place: Path) -> bool:
    """Say whether a conversion is there and every file of it is what was written; one that is not is told of."""
    try:
        files = read_object(str(place / _CONTENTS))["files"]
        for name, file in files.items():
            verify(place / os.path.basename(name), file["size"], file["sha256"])
    except (Malformed, ZooError, KeyError, TypeError, AttributeError):
        if place.exists():
            print(f"aigc-zoo: warning: {place} is not what was converted, and is made again.", file=sys.stderr)
        return False
    return True


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[None]:
    from huggingface_hub.utils import WeakFileLock

    with WeakFileLock(str(place.with_name(f".{place.name}.lock"))):
        yield


@contextlib.contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Turn what can go wrong with the disk into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL or error.errno is None:  # numpy says only how much less was written
            hint = f"Free some space, or remove old conversions: rm -r {place.parent}"
            raise NotAvailable(f"No space left for {place}; nothing was kept.", hint) from error
        hint = "Set XDG_CACHE_HOME to a folder that can be written, or use --engine native."
        text = f"{place} cannot be written: {(error.strerror or str(error)).lower()}."
        raise NotAvailable(text, hint) from error
