"""A process and everything that it has started, by ``/proc``: how many tasks, how much memory."""

from __future__ import annotations

import contextlib
import os
import re
from typing import NamedTuple

NOT_ENTERED = 125
"""Exit code of a process that could not put itself under its limits."""
_PAGE, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
_BUSY = ("R", "D")


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

    @property
    def ended(self) -> bool:
        """It is dead and only waits to be reaped."""
        return self.state in ("Z", "X")

    @property
    def asleep(self) -> bool:
        """None of its threads computes, or wants to."""
        return self.state not in _BUSY and (self.tasks < 2 or not any(state in _BUSY for state in _states(self.pid)))


def below(root: int) -> list[Process]:
    """Return every process that descends from ``root``, without it. One that ends meanwhile is passed over."""
    children: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := _read(int(name))):
            children.setdefault(found.parent, []).append(found)
    tree, waiting = [], [root]
    while waiting:
        born = children.pop(waiting.pop(), [])
        tree += born
        waiting += [each.pid for each in born]
    return tree


def tasks_of(user: int) -> int:
    """Return how many processes and threads a user has on this machine."""
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user and (found := _read(int(name))):
                count += found.tasks
    return count


def memory(processes: list[Process], enough: int) -> int:
    """Return bytes of memory that processes take together, pages that they share counted once.

    That is slow, so where even the sum with every share counted in full is below ``enough``, that sum is returned.
    """
    whole = sum(each.resident for each in processes)
    return whole if whole < enough else sum(_share(each) for each in processes)


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()  # the name before it may hold anything
        computed = sum(map(int, fields[11:15])) / _TICKS
        return Process(pid, int(fields[1]), int(fields[17]), int(fields[21]) * _PAGE, computed, fields[0].decode())
    except (OSError, IndexError, ValueError):
        return None


def _states(pid: int) -> list[str]:
    """Return the state of each thread of a process."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/task/{name}/stat", "rb") as stream:
                found.append(stream.read().rpartition(b")")[2].split()[0].decode())
    return found


def _share(process: Process) -> int:
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as stream:
            found = re.search(r"^Pss:\s+(\d+) kB", stream.read(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended since it was listed, and its memory is free
    except OSError:
        return process.resident
    return int(found[1]) * 1024 if found else process.resident
