"""Work of the judge's own on what nobody trusts, in a process beside it: bounded, and ended where it takes too long.

A manifest's schema can hold a pattern that takes for ever to match, and samples can be such that a metric does. None of
it is a model's code, so it needs no sandbox; but in the judge's own process nothing could end it, and the other models
would wait.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from aigc_core.errors import Refused
from aigc_core.sandbox import tree
from aigc_core.sandbox.limits import MEGA

T = TypeVar("T")
_LOOK_S = 0.05


class Beside:
    """One process that does one piece of work at a time; started when there is some, and again after it was ended."""

    def __init__(self, what: str, cpu_s: float, memory_mb: int) -> None:
        """Take what it is for, in words, and what one piece of work may take."""
        self.what, self.cpu_s, self.memory_mb = what, cpu_s, memory_mb
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._link: Connection | None = None

    def do(self, work: Callable[..., T], *given: Any, stop: threading.Event | None = None) -> T:
        """Return what a function of some module returns there; it and its arguments go there by their names and values.

        Raises ``Refused`` where it takes more than it may, or is no longer wanted, and what the function raises.
        """
        with self._lock:
            process, link = self._started()
            try:
                link.send((work, given))
                self._wait(process, link, stop)
                error, found = link.recv()
            except (EOFError, OSError):
                self._end()
                raise Refused(f"{self.what} ended the process that did it.", "Look at what it was done on.") from None
            except BaseException:
                self._end()
                raise
        if error is not None:
            raise error
        result: T = found
        return result

    def _started(self) -> tuple[SpawnProcess, Connection]:
        if self._process is None or self._link is None or not self._process.is_alive():
            context = multiprocessing.get_context("spawn")
            self._link, theirs = context.Pipe()
            self._process = context.Process(target=_work, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        return self._process, self._link

    def _wait(self, process: SpawnProcess, link: Connection, stop: threading.Event | None) -> None:
        """Return when there is an answer. Time is computing: of a clock, ten times as much."""
        began, before = time.monotonic(), _used(process)
        while not link.poll(_LOOK_S):
            late = time.monotonic() - began > 10 * self.cpu_s
            if late or _used(process) - before > self.cpu_s:
                text = f"{self.what} took more than {self.cpu_s:g} s, and was ended"
                raise Refused(f"{text}.", "Look at what it was done on: nothing of an honest model takes as long.")
            if _memory(process) > self.memory_mb * MEGA:
                raise Refused(f"{self.what} took more than {self.memory_mb:,} MB of memory, and was ended.")
            if stop is not None and stop.is_set():
                raise Refused(f"{self.what} was interrupted.")

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._link is not None:
            self._link.close()
        self._process = self._link = None


def _used(process: SpawnProcess) -> float:
    found = tree.one(process.pid or 0)
    return found.cpu_s if found else 0.0


def _memory(process: SpawnProcess) -> int:
    found = tree.one(process.pid or 0)
    return found.resident if found else 0


def _work(link: Connection) -> None:
    """Do what comes until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            work, given = link.recv()
        except EOFError:
            return
        answer: tuple[Exception | None, Any]
        try:
            answer = (None, work(*given))
        except Exception as error:
            answer = (RuntimeError(f"{type(error).__name__}: {error}"), None)
        link.send(answer)


MANIFESTS = Beside("Reading the manifest and its plugin's schemas", 60, 4096)
SCORES = Beside("Measuring the samples", 1800, 16_384)
