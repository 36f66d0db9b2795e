"""One process in the sandbox: started, watched from outside, ended with all that it started, and told by a name."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import threading
import time
from typing import Any, NamedTuple

from aigc_core.sandbox import tree
from aigc_core.sandbox.choose import Backend
from aigc_core.sandbox.command import first_process, own
from aigc_core.sandbox.limits import MEGA, Limits, View
from aigc_core.sandbox.verdict import VERDICTS, named
from aigc_core.sandbox.watch import Watch

__all__ = ["VERDICTS", "Ended", "run"]

_GRACE_S = 10.0
"""What the processes of a tree get to die in, once they are killed."""
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
    """The most memory that the watch has seen, of all its processes together."""
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
    view = view._replace(readable=(*own(), *view.readable))
    user = _prepare(view, backend)
    status, write = os.pipe()
    try:
        with subprocess.Popen(
            first_process(command, view, limits, backend, user, write),
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
            watch = Watch(process, view, limits, stop or threading.Event())
            try:
                watch.follow()
            finally:
                _end(process)
        seconds = time.monotonic() - watch.began
        watch.after()
        report = _report(status)
    finally:
        for each in (status, write):
            if each >= 0:
                os.close(each)
    said = bytes(watch.said[-8192:]).decode(errors="replace")
    verdict, text = named(watch.broke, report, said, limits)
    computed = float(report.get("cpu_s", 0)) or round(watch.cpu_s, 3)
    return Ended(verdict, text, round(seconds, 3), computed, round(watch.peak / MEGA, 1), said)


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
