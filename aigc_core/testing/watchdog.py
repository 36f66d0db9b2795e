"""A clause that does not end is ended: by an exception in the plugin's code, and where that is not heard, the process.

So a model that hangs is a failure with a name, and never an author's pytest that stands still. What compiled code does
while it holds the interpreter's lock hears neither: a judge has limits of its own around the process.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

GRACE = 30.0
"""Seconds after the exception, until the process is ended."""


class Endless(BaseException):
    """A clause took longer than it may; no ``except Exception`` of a plugin holds it."""

    def __init__(self, seconds: float, file: str, line: int) -> None:
        super().__init__(f"It did not end within {seconds:g} seconds; it was in line {line} of {file}.")
        self.file, self.line = file, line


@contextlib.contextmanager
def limited(seconds: float, what: str, errors: int = 2) -> Iterator[None]:
    """Raise ``Endless`` out of what goes on inside after so many seconds by the wall, whatever is made of it there.

    ``what`` is named on the file descriptor ``errors`` where the process must be ended, with exit code 1, because the
    exception was held, or a call did not return to Python. Outside the main thread, and on Windows, only that is done.
    """
    last = threading.Timer(seconds + GRACE, _end, (seconds + GRACE, what, errors))
    last.daemon = True
    last.start()
    try:
        with _alarm(seconds):
            yield
    finally:
        last.cancel()


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise by SIGALRM, which ends a sleep and a read too. Somebody else's timer is left as it is."""
    alone = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")
    if not alone or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return
    rang: list[Endless] = []

    def ring(number: int, frame: Any) -> None:
        rang.append(Endless(seconds, frame.f_code.co_filename, frame.f_lineno))
        raise rang[0]

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except BaseException as error:
        if rang and error is not rang[0]:  # the core says of a plugin's errors whose they are
            raise rang[0] from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if rang:
        raise rang[0]


def _end(seconds: float, what: str, errors: int) -> None:
    text = f"\naigc-zoo: {what} did not end within {seconds:g} seconds, and holds this process, which ends here.\n"
    os.write(errors, text.encode())
    faulthandler.dump_traceback(errors)
    os._exit(1)
