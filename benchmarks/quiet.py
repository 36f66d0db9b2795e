"""A machine that others share: how much of it they use, and waiting, for a while, until they use little."""

from __future__ import annotations

import os
import time
from pathlib import Path

WAIT = float(os.environ.get("BENCH_QUIET_WAIT", "0"))
"""Seconds to wait before a run at most, for others to use under a tenth of the machine."""


class Others:
    """The share of all processors' time that other processes use. What this process' children use counts as theirs."""

    def __init__(self) -> None:
        self._last = self._now()

    def share(self) -> float:
        """Return the share since the last call, or since the start."""
        (busy, every, own), self._last = self._last, self._now()
        used = self._last[0] - busy - (self._last[2] - own)
        return max(0.0, used / max(1.0, self._last[1] - every))

    @staticmethod
    def _now() -> tuple[float, float, float]:
        """Return seconds in use, seconds in all, and this process' own."""
        first = Path("/proc/stat").read_text().splitlines()[0].split()
        user, nice, system, idle, waiting, *rest = (int(word) / os.sysconf("SC_CLK_TCK") for word in first[1:9])
        interrupts, soft, stolen = rest
        busy = user + nice + system + interrupts + soft
        return busy, busy + idle + waiting + stolen, time.process_time()


def wait(limit: float = WAIT, below: float = 0.1) -> None:
    """Wait until others use less than a share of the machine, for at most so many seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        others = Others()
        time.sleep(0.4)
        if others.share() < below:
            return
