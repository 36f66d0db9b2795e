"""A file's bytes against its hash, every time it is used; a file that has not changed is not hashed again.

A record holds for the file's device, inode, size, time of content change (mtime) and time of any change (ctime).
Programs can set mtime back; ctime is the kernel's own, moves with every write, rename and change of attributes, and
cannot be set. A record is only made where the clock was past ctime by more than the clock's grain before the file was
read, so that no later write can have the same stamp. What none of these shows, a disk that rots in silence or a program
that has mapped the file and stores into a page once more, is found by ``fresh``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import NamedTuple

from aigc_core.errors import NotAvailable, Refused
from aigc_core.files import whole_file
from aigc_core.paths import home

_FINE_NS, _COARSE_NS = 20_000_000, 2_000_000_000
"""Grains: Linux stamps by its tick, of at most 10 ms; a file system that stores whole seconds may store even ones."""
_AGAIN = "Reinstall the package or fetch the file again; it was not loaded."


class Stamp(NamedTuple):
    """What a record trusts to change whenever the bytes do."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def verify(path: str | Path, size: int, sha256: str, *, fresh: bool = False) -> None:
    """Check a file's size, then its hash; with ``fresh`` whatever is recorded.

    Raises ``NotAvailable`` where it is missing or cannot be read, ``Refused`` where it differs.
    """
    try:
        stamp = _stamp(path)
        if stamp.size != size:
            raise Refused(f"{path} has {stamp.size:,} bytes, its manifest says {size:,}.", _AGAIN)
        digest = "" if fresh else _recorded(path, stamp)
        if digest != sha256:  # a record spares a hash; by itself it refuses nothing
            digest = _hashed(path, stamp)
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", _AGAIN) from error
    if digest != sha256:
        raise Refused(f"{path} has sha256 {digest}, its manifest says {sha256}.", _AGAIN)


def known_sha256(path: str | Path) -> str:
    """Return a file's SHA-256, from the record where it has not changed. Raises ``OSError``."""
    stamp = _stamp(path)
    return _recorded(path, stamp) or _hashed(path, stamp)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits. Raises ``OSError``."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def remember(path: str | Path, sha256: str) -> None:
    """Record a file that was hashed as it was written; wait for the clock's next tick where that is all it takes."""
    with contextlib.suppress(OSError):
        stamp = _stamp(path)
        if _grain(stamp) == _FINE_NS:
            time.sleep(max(0, min(_FINE_NS, stamp.changed_ns + _FINE_NS - time.time_ns())) / 1e9)
        if _settled(stamp):
            _record(path, stamp, sha256)


def _recorded(path: str | Path, stamp: Stamp) -> str:
    with contextlib.suppress(OSError, ValueError, RecursionError), open(_place(path), encoding="utf-8") as stream:
        record = json.load(stream)
        if isinstance(record, dict) and record.get("stamp") == list(stamp):
            digest = str(record.get("sha256"))
            return digest if re.fullmatch(r"[0-9a-f]{64}", digest) else ""
    return ""


def _hashed(path: str | Path, stamp: Stamp) -> str:
    settled = _settled(stamp)  # asked before: a write during the hashing may still fall into the stamp's own tick
    digest = sha256_of(path)
    if settled:
        _record(path, stamp, digest)
    return digest


def _record(path: str | Path, stamp: Stamp, digest: str) -> None:
    """Write a record if the file is as it was; without a home to write to, do nothing."""
    with contextlib.suppress(Exception):
        if _stamp(path) != stamp:
            return
        os.makedirs(os.path.dirname(_place(path)), exist_ok=True)
        with whole_file(_place(path)) as stream:
            stream.write(json.dumps({"path": os.path.realpath(path), "stamp": stamp, "sha256": digest}).encode())


def _settled(stamp: Stamp) -> bool:
    return time.time_ns() - stamp.changed_ns > _grain(stamp)


def _grain(stamp: Stamp) -> int:
    return _FINE_NS if stamp.changed_ns % 1_000_000 else _COARSE_NS


def _place(path: str | Path) -> str:
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    return os.path.join(home("state"), "verified", f"{name}.json")


def _stamp(path: str | Path) -> Stamp:
    if not os.path.isfile(path):  # to read a pipe would wait for ever
        raise FileNotFoundError(2, "no such file")
    status = os.stat(path)
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
