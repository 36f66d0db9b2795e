"""When a folder and its files were last changed, as the system counts it: times that nobody can set."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

_FINE_NS, _COARSE_NS = 20_000_000, 2_000_000_000
"""So long after a change a folder can change again without its time moving: by the kernel's tick, or where a file
system stores whole seconds."""


def of_folder(folder: str) -> str:
    """Return what is another after a file was added, removed or put in another's place, and for another folder."""
    found = os.stat(folder)
    return f"{found.st_dev} {found.st_ino} {changed(found)}"


def of_files(folder: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name, the time of change and the size of every manifest, in any order."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and entry.name.isprintable():  # bytes that are no text are nobody's id
                with contextlib.suppress(OSError):
                    found = entry.stat()
                    yield entry.name, changed(found), found.st_size


def changed(found: os.stat_result) -> int:
    """Return when the system saw a change, in ns; a file's own time is brought along by archives and ``cp -p``."""
    return found.st_mtime_ns if os.name == "nt" else found.st_ctime_ns  # there, the latter is when it was made


def settled(folder: str) -> str:
    """Wait until a later change of the folder would move its time, and return that; "" where it goes on changing."""
    for _ in range(5):
        before = os.stat(folder)
        grain = _FINE_NS if changed(before) % 1_000_000_000 else _COARSE_NS
        if (rest := changed(before) + grain - time.time_ns()) <= 0:
            return of_folder(folder)
        time.sleep(min(rest, grain) / 1e9)
    return ""
