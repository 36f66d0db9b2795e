"""What lies in a folder that somebody fills who hides it: with holes, in folders that are closed or deep."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator
from typing import NamedTuple

_DEPTH = 64
"""Folders below folders: what is deeper is not looked for, and counts as hidden."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Size(NamedTuple):
    """What lies in a folder."""

    stored: int = 0
    """Bytes on the disk."""
    apparent: int = 0
    """Bytes that a reader would be given: those of a hole too."""
    entries: int = 0
    """Files and folders, of every kind."""
    hidden: bool = False
    """Some folder is closed to its own owner, or nested too deep: what is in it is not counted."""


class _Hidden(Exception):
    """A folder is made so that nobody sees what is in it."""


def size(folder: str, bytes_most: int, entries_most: int) -> Size:
    """Return what lies in a folder, no link followed; of one that is beyond a limit as much as shows that."""
    stored = apparent = entries = 0
    try:
        handle = _opened(folder, None)
        if handle is None:
            return Size()
        with contextlib.closing(_inside(handle, 0)) as found:
            for status in found:
                entries += 1
                stored += status.st_blocks * 512
                apparent += max(status.st_blocks * 512, status.st_size if stat.S_ISREG(status.st_mode) else 0)
                if entries > entries_most or stored > bytes_most:
                    break
    except _Hidden:
        return Size(stored, apparent, entries, True)
    return Size(stored, apparent, entries)


def _opened(name: str, above: int | None) -> int | None:
    """Open a folder relative to one that is open; None where it went away. Raises ``_Hidden`` where it is closed."""
    try:
        handle = os.open(name, _FOLDER, dir_fd=above)
    except PermissionError:
        raise _Hidden from None
    except OSError:
        return None
    if os.fstat(handle).st_mode & 0o500 != 0o500:  # root sees into it, and says what anybody else would
        os.close(handle)
        raise _Hidden
    return handle


def _inside(handle: int, depth: int) -> Generator[os.stat_result]:
    """Yield the status of every entry below an open folder, and close that. By handles: a path can be too long."""
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                try:
                    status = os.stat(entry.name, dir_fd=handle, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield status
                if stat.S_ISDIR(status.st_mode):
                    if depth == _DEPTH:
                        raise _Hidden
                    if (inner := _opened(entry.name, handle)) is not None:
                        yield from _inside(inner, depth + 1)
    except PermissionError:
        raise _Hidden from None
    except OSError:
        return  # it went away meanwhile
    finally:
        os.close(handle)
