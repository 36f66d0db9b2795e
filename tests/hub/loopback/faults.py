"""Faults: what goes wrong, at which request, and how often."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .store import Data

MIB = 2**20

KINDS = {
    "status": "answer this status: a number, or a number and its headers",
    "limit": "answer 429, to be tried again after so many seconds",
    "drop": "close the connection with no answer",
    "delay": "wait so many seconds before the answer",
    "redirect": "redirect to this url",
    "loop": "redirect to the same url; for ever, unless a number of times is given",
    "garbage": "answer 200 with these bytes as the JSON",
    "expire": "let the CDN's link that is asked for expire: 403, now and later, until resolve gives another",
    "short": "send so many bytes, with an honest length",
    "truncate": "send so many bytes of the announced length, and close",
    "corrupt": "flip the byte at this offset of the file, or the last one",
    "stall": "wait so many seconds in the middle of the body",
    "slow": "take so many seconds for each MiB of the body",
}


class Fault(NamedTuple):
    """One fault that a request has met, or none."""

    kind: str = ""
    arg: Any = None


class _Planned:
    def __init__(self, pattern: str, fault: Fault, times: float) -> None:
        self.pattern, self.fault, self.left = re.compile(pattern), fault, times


class Faults:
    """The faults to come; the first that fits a request is taken, and is counted once under a lock."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def add(self, pattern: str, kind: str, times: float | None, arg: Any) -> None:
        """Plan a fault for requests whose ``METHOD /path?query`` has the pattern. Raises ``ValueError``."""
        if kind not in KINDS:
            raise ValueError(f"There is no fault {kind}; there are {', '.join(KINDS)}.")
        times = (math.inf if kind == "loop" else 1) if times is None else times
        with self._lock:
            self._planned.append(_Planned(pattern, Fault(kind, arg), times))

    def take(self, request: str) -> Fault:
        """Return the fault that this request meets."""
        with self._lock:
            for planned in self._planned:
                if planned.left > 0 and planned.pattern.search(request):
                    planned.left -= 1
                    return planned.fault
        return Fault()

    def clear(self) -> None:
        """Plan no more."""
        with self._lock:
            self._planned.clear()


def pieces(
    body: Data | memoryview, fault: Fault, start: int, wait: Callable[[float], object]
) -> Iterator[memoryview | bytearray]:
    """Yield a body in pieces of 1 MiB, none of them copied but a corrupt one; ``start`` is its offset in the file."""
    view = memoryview(body)
    if fault.kind == "truncate":
        view = view[: fault.arg]
    bad = (len(view) - 1 if fault.arg is None else fault.arg - start) if fault.kind == "corrupt" else -1
    middle = len(view) // 2 if fault.kind == "stall" else -1
    for low in range(0, len(view), MIB):
        piece: memoryview | bytearray = view[low : low + MIB]
        size = len(piece)
        if low <= bad < low + size:
            piece = bytearray(piece)
            piece[bad - low] ^= 255
        if low <= middle < low + size:
            yield piece[: middle - low]
            wait(fault.arg)
            piece = piece[middle - low :]
        yield piece
        if fault.kind == "slow":
            wait(fault.arg * size / MIB)
