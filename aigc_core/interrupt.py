"""Ctrl-C and termination, remembered: an import of a compiled module can swallow the exception that they raise."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_pending = False


def install() -> None:
    """Turn SIGINT and SIGTERM into ``KeyboardInterrupt``, so that a part-written file is removed on the way out."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def defer() -> None:
    """Only remember the first SIGINT or SIGTERM, for ``pending`` to tell; the second raises ``KeyboardInterrupt``."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _remember)


@contextmanager
def held() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM wait until the block is done; the second raises ``KeyboardInterrupt`` in it.

    Around the import of compiled modules: raised inside one, it may abort the process (pybind11) or be swallowed. Where
    ``install`` has not been called, or another thread asks, nothing is changed.
    """
    numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is _interrupt]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    for number in numbers:
        signal.signal(number, _remember)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, _interrupt)
    if numbers:
        check()


def pending() -> bool:
    """Say whether a signal has come, whatever became of its exception."""
    return _pending


def check() -> None:
    """Raise ``KeyboardInterrupt`` where a signal has come."""
    if _pending:
        raise KeyboardInterrupt


def _interrupt(number: int, frame: Any) -> None:
    global _pending
    _pending = True
    raise KeyboardInterrupt


def _remember(number: int, frame: Any) -> None:
    global _pending
    if _pending:
        raise KeyboardInterrupt
    _pending = True
