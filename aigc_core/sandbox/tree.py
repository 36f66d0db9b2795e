"""A process and everything that it has started, by ``/proc``: how many tasks, how much memory, what it computed."""

from __future__ import annotations

import contextlib
import os
import re
from typing import NamedTuple

NOT_ENTERED = 125
"""Exit code of a process that could not put itself under its limits."""
_PAGE, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
_DEAD = ("Z", "X")


class Process(NamedTuple):
    """One process of a tree."""

    pid: int
    parent: int
    tasks: int
    """Its threads."""
    resident: int
    """Bytes of memory that are there now, shared ones included."""
    cpu_s: float
    """Seconds that it, and those of its children that have ended, have computed."""
    state: str
    """``R`` where it computes or waits for a processor, ``D`` for a disk, ``S`` asleep, ``Z`` dead."""
    place: str
    """Its folder under ``/proc``; that of another thread where the first has ended and the rest go on."""

    @property
    def ended(self) -> bool:
        """It is dead and only waits to be reaped. One whose first thread alone has ended is not."""
        return self.state in _DEAD and self.tasks < 2

    @property
    def states(self) -> list[str]:
        """The state of each of its threads."""
        return [self.state] if self.tasks < 2 else [fields[0] for _, fields in _threads(self.pid)]


def below(root: int) -> list[Process]:
    """Return every process that descends from ``root``, without it. One that ends meanwhile is passed over."""
    children: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := one(int(name))):
            children.setdefault(found.parent, []).append(found)
    tree, waiting = [], [root]
    while waiting:
        born = children.pop(waiting.pop(), [])
        tree += born
        waiting += [each.pid for each in born]
    return tree


def one(pid: int) -> Process | None:
    """Return a process, None where there is no such one."""
    place = f"/proc/{pid}"
    try:
        fields = _fields(f"{place}/stat")
        tasks, resident = int(fields[17]), int(fields[21])
        if fields[0] in _DEAD and tasks > 1:  # its first thread has no memory any more, whatever the others have
            resident, place = max(((int(each[21]), where) for where, each in _threads(pid)), default=(0, place))
        computed = sum(map(int, fields[11:15])) / _TICKS
        return Process(pid, int(fields[1]), tasks, resident * _PAGE, computed, fields[0], place)
    except (OSError, IndexError, ValueError):
        return None


def tasks_of(user: int) -> int:
    """Return how many processes and threads a user has on this machine."""
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user and (found := one(int(name))):
                count += found.tasks
    return count


def memory(processes: list[Process], enough: int) -> int:
    """Return bytes of memory that processes take together, pages that they share counted once, with their page tables.

    That is slow, so where even the sum with every share counted in full is below ``enough``, that sum is returned.
    """
    tables = sum(_tables(each) for each in processes)
    whole = tables + sum(each.resident for each in processes)
    return whole if whole < enough else tables + sum(_share(each) for each in processes)


def _fields(path: str) -> list[str]:
    """Return what ``/proc/PID/stat`` says after the name, which may hold anything."""
    with open(path, "rb") as stream:
        return stream.read().rpartition(b")")[2].decode("ascii").split()


def _threads(pid: int) -> list[tuple[str, list[str]]]:
    """Return the folder and the fields of each thread of a process."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                if fields := _fields(f"/proc/{pid}/task/{name}/stat"):
                    found.append((f"/proc/{pid}/task/{name}", fields))
    return found


def _tables(process: Process) -> int:
    """Return bytes of page tables: address space that was only read from has these and no page of its own."""
    with contextlib.suppress(OSError), open(f"{process.place}/status", "rb") as stream:
        found = re.search(rb"^VmPTE:\s+(\d+) kB", stream.read(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    return 0


def _share(process: Process) -> int:
    if process.state in _DEAD:  # of a process without its first thread the kernel tells no shares
        return process.resident
    try:
        with open(f"{process.place}/smaps_rollup", encoding="ascii") as stream:
            found = re.search(r"^Pss:\s+(\d+) kB", stream.read(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended since it was listed, and its memory is free
    except OSError:
        return process.resident
    return int(found[1]) * 1024 if found else process.resident
