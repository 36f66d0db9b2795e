"""Work for several threads, each of which computes alone: they wait for one another at the end and nowhere else.

torch shares each operation among its threads, and they meet after every one. Where operations are as short as those on
a band of an image, and the processors have other work too, that waiting is most of the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier
from typing import TypeVar

import torch

Result = TypeVar("Result")
MOST = 16
"""How many threads are used at most: Python itself runs one at a time, between torch's operations."""


def threads(device: torch.device) -> int:
    """Return how many threads work side by side on a device: as many as torch has in this thread, up to ``MOST``."""
    return min(MOST, torch.get_num_threads()) if device.type == "cpu" else 1


def side_by_side(jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    """Run jobs at the same time and return their results; a single one runs here, on torch's own threads."""
    if len(jobs) < 2 or torch.get_num_threads() == 1:
        return [job() for job in jobs]
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def run(job: Callable[[], Result]) -> Result:
        with torch.inference_mode(inference), torch.set_grad_enabled(gradients):  # each thread has modes of its own
            return job()

    return list(_pool(os.getpid(), torch.get_num_threads()).map(run, jobs))


@lru_cache
def _pool(process: int, count: int) -> ThreadPoolExecutor:
    """Return threads in which torch has one thread each; those of another process, before a fork, are not here."""
    size = min(MOST, count)
    begun = Barrier(size + 1)

    def begin() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # torch looks at the number at the first use in a thread, and then keeps it

    pool = ThreadPoolExecutor(size, "aigc-vae", begin)
    for _ in range(size):
        pool.submit(begun.wait)  # so that every thread is there
    begun.wait()
    torch.set_num_threads(count)  # what threads that begin later take; here nothing changed
    return pool
