"""One process in the sandbox: started, watched from outside, ended with all that it started, and told by a name."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from typing import Any, NamedTuple

from aigc_core.sandbox import bubblewrap, landlock, tree
from aigc_core.sandbox.choose import Backend
from aigc_core.sandbox.limits import MEGA, Limits, View
from aigc_core.sandbox.verdict import VERDICTS, named

__all__ = ["VERDICTS", "Ended", "run"]

_LOOK_S = 0.05
"""How often the watch looks: what grows by 1 GB a second is caught 50 MB late."""
_CHARGED_S = 4 * _LOOK_S
"""The most idle time that one look can charge."""
_GRACE_S = 10.0
"""What the processes of a tree get to die in, once they are killed."""
_SYSTEM = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/sys/devices/system/cpu",
]
_DEVICES = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]
_FACTS = ["/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/sys/vm/overcommit_memory"]
_USERS = itertools.count()


class Ended(NamedTuple):
    """How a sandboxed process ended."""

    verdict: str
    """A key of ``VERDICTS``."""
    text: str
    """One sentence: what it did, with the limit that it met or its own last words."""
    seconds: float
    cpu_s: float
    """Seconds of computing of all its processes."""
    peak_mb: float
    """The most resident memory that the watch has seen, of all its processes together."""
    said: str
    """The end of what it wrote to its output and error streams."""

    @property
    def fine(self) -> bool:
        """It did its work and left nothing behind."""
        return self.verdict == "finished"


def run(command: list[str], view: View, limits: Limits, backend: Backend, stop: threading.Event | None = None) -> Ended:
    """Run a command to its end in the sandbox. ``view.folder`` must exist and be empty; ``out`` in it holds what came.

    ``stop`` ends it from another thread.

    Never raises for anything that the command does. Raises ``OSError`` where the sandbox itself cannot be started.
    """
    view = view._replace(readable=(*_own(), *view.readable))
    user = _prepare(view, backend)
    status, write = os.pipe()
    try:
        words = _words(command, view, limits, backend, user, write)
        began = time.monotonic()
        with subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=view.whole_environment if backend.name != "bubblewrap" else {},
            pass_fds=[write],
            start_new_session=True,
            umask=0o022,
        ) as process:
            os.close(write)
            write = -1
            watch = _Watch(process, view, limits, began, stop or threading.Event())
            try:
                watch.follow()
            finally:
                _end(process)
        seconds = time.monotonic() - began
        report = _report(status)
    finally:
        for each in (status, write):
            if each >= 0:
                os.close(each)
    said = bytes(watch.said[-8192:]).decode(errors="replace")
    verdict, text = named(watch.broke, report, said, limits)
    computed = float(report.get("cpu_s", 0)) or round(watch.cpu_s, 3)
    return Ended(verdict, text, round(seconds, 3), computed, round(watch.peak / MEGA, 1), said)


def _own() -> list[str]:
    """Return what the first process needs: this Python and this package."""
    here = os.path.dirname(os.path.abspath(__file__))
    package = os.path.join(os.path.dirname(here), "__init__.py")
    return [sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), here, package]


def _prepare(view: View, backend: Backend) -> int:
    """Make the folders; return the user that the command runs as, 0 for whoever this is."""
    os.makedirs(view.out)
    os.makedirs(view.home)
    if os.geteuid() or backend.name == "none":
        return 0
    user = 1_900_000_000 + (os.getpid() * 1000 + next(_USERS) % 1000) % 100_000_000  # no two at a time are the same
    for path in (view.folder, view.out, view.home):
        os.chown(path, user, user)
    return user


def _words(command: list[str], view: View, limits: Limits, backend: Backend, user: int, status: int) -> list[str]:
    """Return the command line of the first process, which starts the command."""
    asked: dict[str, Any] = {
        "command": command,
        "environment": view.whole_environment,
        "folder": view.home,
        "rlimits": limits.rlimits(),
        "user": user,
        "status": status,
        "files": None,
        "filtered": backend.name != "none",
    }
    if backend.name != "bubblewrap" and not user:  # the kernel counts all that this user has
        asked["rlimits"]["RLIMIT_NPROC"] += tree.tasks_of(os.geteuid())
    if backend.name == "landlock":
        readable = [*_SYSTEM, *_FACTS, *_DEVICES[1:], *view.readable]
        writable = [view.home, view.out, _DEVICES[0]]
        asked["files"] = {"readable": readable, "writable": writable, "abi": landlock.abi()}
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    start = f"import sys; sys.path.insert(0, {here!r}); from aigc_core.sandbox.inside import main; main()"
    first = [sys.executable, "-I", "-S", "-c", start, json.dumps(asked)]
    return [*bubblewrap.arguments(view, limits), *first] if backend.name == "bubblewrap" else first


class _Watch:
    """What is seen of a process from outside while it runs."""

    def __init__(
        self, process: subprocess.Popen[bytes], view: View, limits: Limits, began: float, stop: threading.Event
    ) -> None:
        self.process, self.view, self.limits, self.began, self.stop = process, view, limits, began, stop
        self.said, self.peak, self.broke = bytearray(), 0, ""
        self.idle, self.cpu_s, self.looked = 0.0, 0.0, began

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
                    if not chunk:
                        ready.unregister(self.process.stdout)
                elif not ready.get_map():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.process.wait(_LOOK_S)
                if time.monotonic() >= look:
                    self.broke = self._broken()
                    look = time.monotonic() + _LOOK_S
                if len(self.said) > self.limits.said_kb * 1024:
                    self.broke = "flood"
            if not self.broke and ready.get_map():
                self._rest()

    def _rest(self) -> None:
        """Take what was said just before the end; nobody writes any more."""
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.process.stdout.fileno(), 1 << 16):
                self.said += chunk

    def _broken(self) -> str:
        """Return the limit that the tree of processes is beyond now, or an empty string."""
        limits = self.limits
        if self.stop.is_set():
            return "stopped"
        processes = tree.below(self.process.pid)
        if broke := self._late(processes):
            return broke
        if sum(each.tasks for each in processes) >= limits.tasks:
            return "processes"
        taken = tree.memory(processes, limits.memory_mb * MEGA)
        self.peak = max(self.peak, taken)
        if taken > limits.memory_mb * MEGA:
            return "memory"
        size, count = _size(self.view.out)
        if size > limits.output_mb * MEGA or count > limits.output_files:
            return "output"
        return "file" if _size(self.view.home)[0] > limits.scratch_mb * MEGA else ""  # under bubblewrap it is elsewhere

    def _late(self, processes: list[tree.Process]) -> str:
        """Charge the time since the last look; return the limit of time that is broken, or an empty string."""
        now = time.monotonic()
        if all(each.asleep for each in processes):
            self.idle += min(now - self.looked, _CHARGED_S)  # who looks late has not seen the time between
        self.looked = now
        self.cpu_s = max(self.cpu_s, sum(each.cpu_s for each in processes))
        if self.cpu_s > self.limits.cpu_s:
            return "computing"
        return "time" if self.idle > self.limits.idle_s or now - self.began > self.limits.wall_s else ""


def _size(folder: str) -> tuple[int, int]:
    """Return bytes and entries below a folder, no link followed."""
    size = count = 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # it went away, or was closed to us: its bytes are on its parent's next count
    return size, count


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started; return when none of them runs."""
    deadline = time.monotonic() + _GRACE_S
    if process.poll() is None:  # the first process inside ends the rest when it is told to
        for each in tree.below(process.pid)[:2]:
            _signal(each.pid, signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
    while (rest := [each for each in tree.below(process.pid) if not each.ended]) or process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
        for each in rest:
            _signal(each.pid, signal.SIGKILL)
        time.sleep(0.005)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _report(status: int) -> dict[str, Any]:
    """Return what the first process inside wrote of the end, an empty object where it was killed."""
    os.set_blocking(status, False)
    with contextlib.suppress(BlockingIOError, ValueError):
        found = json.loads(os.read(status, 4096))
        return found if isinstance(found, dict) else {}
    return {}
