"""What is seen of a process from outside while it runs: what it says, and which limit it breaks."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import threading
import time

from aigc_core.sandbox import tree, written
from aigc_core.sandbox.limits import MEGA, Limits, View
from aigc_core.sandbox.nameless import Nameless, entries_in_memory, nameless

_LOOK_S = 0.05
"""How often the watch looks: what grows by 1 GB a second is caught 50 MB late."""
_CHARGED_S = 4 * _LOOK_S
"""The most idle time that one look can charge."""
_OF_A_DISK = 0.25
"""How much of the time that is spent waiting for a disk is charged as idle. Disks are slow where others use them too;
but who waits for a child that sleeps (vfork), or writes the same block for ever, looks just the same."""


class Watch:
    """A process, what it may use, and what has been seen of it."""

    def __init__(self, process: subprocess.Popen[bytes], view: View, limits: Limits, stop: threading.Event) -> None:
        self.process, self.view, self.limits, self.stop = process, view, limits, stop
        self.said, self.peak, self.broke = bytearray(), 0, ""
        self.began = self._looked = time.monotonic()
        self.idle, self.cpu_s = 0.0, 0.0
        self._unnamed = Nameless()

    def follow(self) -> None:
        """Read what is said until the end, or until a limit is broken, which ``broke`` then names."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            look = 0.0
            while self.process.poll() is None and not self.broke:
                if ready.get_map() and ready.select(_LOOK_S):
                    chunk = os.read(self.process.stdout.fileno(), 1 << 16)
                    self.said += chunk
                    if not chunk:  # it has closed its streams, and may go on for as long as others may
                        ready.unregister(self.process.stdout)
                elif not ready.get_map():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.process.wait(_LOOK_S)
                if time.monotonic() >= look:
                    self.broke = self._broken()
                    look = time.monotonic() + _LOOK_S
                if self._too_much_said():
                    self.broke = "flood"
            if not self.broke and ready.get_map():
                self._rest()

    def after(self) -> None:
        """Look once more at what was written, when nobody writes any more: much can be done between two looks."""
        self._unnamed = Nameless()
        self.broke = self.broke or self._written([])

    def _too_much_said(self) -> bool:
        return len(self.said) > self.limits.said_kb * 1024

    def _rest(self) -> None:
        """Take what was said just before the end."""
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while not self._too_much_said() and (chunk := os.read(self.process.stdout.fileno(), 1 << 16)):
                self.said += chunk

    def _broken(self) -> str:
        """Return the limit that the tree of processes is beyond now, or an empty string."""
        if self.stop.is_set():
            return "stopped"
        processes = tree.below(self.process.pid)
        if broke := self._late(processes):
            return broke
        if sum(each.tasks for each in processes) >= self.limits.tasks:
            return "processes"
        return self._remembered(processes) or self._written(processes)

    def _late(self, processes: list[tree.Process]) -> str:
        """Charge the time since the last look; return the limit of time that is broken, or an empty string."""
        now = time.monotonic()
        # Who looks late has not seen the time between.
        self.idle += min(now - self._looked, _CHARGED_S) * _idle_share(processes)
        self._looked = now
        first = tree.one(self.process.pid)  # what nobody else has waited for ends as its child
        self.cpu_s = max(self.cpu_s, sum(each.cpu_s for each in [*processes, *([first] if first else [])]))
        if self.cpu_s > self.limits.cpu_s:
            return "computing"
        return "time" if self.idle > self.limits.idle_s or now - self.began > self.limits.wall_s else ""

    def _remembered(self, processes: list[tree.Process]) -> str:
        """Return ``memory`` where the tree has too much of it, in pages, tables of pages and sockets."""
        folders = (self.view.out, self.view.home)
        self._unnamed = nameless(processes, folders, self.limits.file_mb * MEGA)
        taken = tree.memory(processes, self.limits.memory_mb * MEGA) + self._unnamed.sockets
        self.peak = max(self.peak, taken)
        return "memory" if taken > self.limits.memory_mb * MEGA else ""

    def _written(self, processes: list[tree.Process]) -> str:
        """Return the limit that is broken by what lies in the output folder, at home, or nowhere by name."""
        most, scratch_most = self.limits.output_mb * MEGA, self.limits.scratch_mb * MEGA
        out = written.size(self.view.out, most, self.limits.output_files)
        if (
            out.hidden
            or out.entries > self.limits.output_files
            or max(out.stored + self._unnamed.files, out.apparent) > most
        ):
            return "output"
        home = written.size(self.view.home, scratch_most, self.limits.scratch_files)  # bubblewrap's is elsewhere
        entries = max(home.entries, entries_in_memory(processes, (self.view.home, "/tmp", "/dev/shm")))  # noqa: S108
        return "file" if home.hidden or home.stored > scratch_most or entries > self.limits.scratch_files else ""


def _idle_share(processes: list[tree.Process]) -> float:
    """Return which part of this moment counts as idle: all where every thread sleeps, none where one computes."""
    states = {state for each in processes for state in each.states}
    return 0.0 if "R" in states else _OF_A_DISK if "D" in states else 1.0
