"""What a sandboxed tree of processes has written: by name in a folder, without a name, and into a mount of its own."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterator
from typing import NamedTuple

from aigc_core.sandbox.tree import Process

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


class Nameless(NamedTuple):
    """What processes hold that no folder shows."""

    files: int = 0
    """Bytes of files on some disk that have no name any more, or never had one."""
    sockets: int = 0
    """Bytes that their local sockets can hold: memory that counts against no process."""


def nameless(processes: list[Process], folders: tuple[str, str], file_most: int) -> Nameless:
    """Return what processes hold without a name on the disks of some folders.

    A mapped file whose size nobody may ask for counts as ``file_most`` bytes, the largest there can be.
    """
    disks = {os.stat(folder).st_dev for folder in folders}
    files: dict[tuple[int, int], int] = {}
    sockets: set[int] = set()
    for process in processes:
        for status in _open_files(process):
            if stat.S_ISSOCK(status.st_mode):
                sockets.add(status.st_ino)
            elif stat.S_ISREG(status.st_mode) and not status.st_nlink and status.st_dev in disks:
                files[status.st_dev, status.st_ino] = status.st_blocks * 512
    known = {inode for _, inode in files}
    mapped = {inode: bytes_ for process in processes for inode, bytes_ in _mapped(process, folders, file_most)}
    rest = sum(bytes_ for inode, bytes_ in mapped.items() if inode not in known)
    return Nameless(sum(files.values()) + rest, len(sockets) * _BUFFER)


def _buffer() -> int:
    """Return what one socket can hold; the filter of system calls lets nobody change it."""
    with contextlib.suppress(OSError, ValueError), open("/proc/sys/net/core/wmem_default", encoding="ascii") as stream:
        return int(stream.read())
    return 1 << 18


_BUFFER = _buffer()


def _open_files(process: Process) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError):
        for name in os.listdir(f"{process.place}/fd"):
            with contextlib.suppress(OSError):
                yield os.stat(f"{process.place}/fd/{name}")


def _mapped(process: Process, folders: tuple[str, str], most: int) -> Iterator[tuple[int, int]]:
    """Yield inode and size of files below some folders that are mapped and have no name."""
    starts = tuple(os.fsencode(folder) + b"/" for folder in folders)
    with contextlib.suppress(OSError), open(f"{process.place}/maps", "rb") as stream:
        for line in stream:
            if not line.endswith(b" (deleted)\n"):
                continue
            where, _, _, _, inode, path = line.split(None, 5)
            if path.startswith(starts):
                try:
                    bytes_ = os.stat(f"{process.place}/map_files/{where.decode()}").st_blocks * 512
                except OSError:  # an ordinary user may not ask
                    bytes_ = most
                yield int(inode), bytes_


def entries_in_memory(processes: list[Process], folders: tuple[str, ...]) -> int:
    """Return how many entries the file systems that processes see at some paths hold: each takes memory of nobody's.

    Of a file system on a disk it is 0: what lies there is counted by name.
    """
    for process in processes:
        found = 0
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(f"{process.place}/root/"), os.stat("/")):
                continue  # it has no mounts of its own
            for folder in folders:
                mounted = os.statvfs(f"{process.place}/root{folder}")
                found = max(found, mounted.f_files - mounted.f_ffree)
            return found
    return 0
