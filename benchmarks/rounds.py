"""Alternated rounds and what may be said of them: a ratio is the median of its rounds, with an interval."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

ROUNDS = 11


class Cost(NamedTuple):
    """What one run of a process took: seconds of CPU (user and system) and of wall time, peak memory in MB."""

    cpu: float
    wall: float
    memory: float


class Ratio(NamedTuple):
    """The median of the rounds' ratios, and the interval that holds the true median with 95 % or more."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


def process(command: list[str], environment: Mapping[str, str]) -> Cost:
    """Run a command to its end and return what the system accounts to it. Raises where it fails."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=dict(environment))
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            output.seek(0)
            raise RuntimeError(f"{command} ended with {child.returncode}: {output.read().decode()[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def alternate(runs: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Run everything once to warm up, then in turn, A B C, A B C ..., and return each one's figures by round."""
    for run in runs.values():
        run()
    figures: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            figures[name].append(run())
    return figures


def _cut(count: int) -> int:
    """Return how many of the lowest and highest rounds lie outside of a 95 % interval, by order statistics."""
    below, cut = 1, 0  # ways in which at most ``cut`` of ``count`` fair coins fall
    while below + math.comb(count, cut + 1) <= 0.025 * 2**count:
        cut += 1
        below += math.comb(count, cut)
    return cut


def ratio(over: list[float], under: list[float]) -> Ratio:
    """Return the ratio of two alternated series, round by round."""
    ratios = sorted(one / other for one, other in zip(over, under, strict=True))
    cut = _cut(len(ratios))
    return Ratio(statistics.median(ratios), ratios[cut], ratios[-1 - cut])
