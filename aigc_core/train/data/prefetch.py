"""Batches that are made in the background while the step before them is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def prefetch(
    make: Callable[[int], Made], steps: Iterable[int], depth: int = 2, workers: int = 1
) -> Generator[Made, None, None]:
    """Yield ``make(step)`` for each step in order, with up to ``depth`` of them made ahead by background threads.

    ``steps`` may be endless. What ``make`` raises is raised here, at its step. ``close`` waits for what is being made
    and drops the rest.
    """
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers, "prefetch") as threads:
        try:
            for step in steps:
                waiting.append(threads.submit(make, step))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
