"""What a sandboxed tree of processes holds that no folder shows: files without a name, sockets, mounts of its own."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from aigc_core.sandbox.tree import Process


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
