"""What one clause does to the process is undone before the next one looks: so each is judged by its own doing."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Put back the random numbers, torch's settings and what a process shares, whatever happens inside."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for keep in (_process, _numpy, _torch):
            stack.enter_context(keep())
        yield


@contextlib.contextmanager
def _process() -> Iterator[None]:
    numbers, folder, environment, path = random.getstate(), os.getcwd(), dict(os.environ), list(sys.path)
    depth = sys.getrecursionlimit()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        random.setstate(numbers)
        os.chdir(folder)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        sys.path[:] = path
        sys.setrecursionlimit(depth)
        with contextlib.suppress(ValueError):  # outside the main thread nobody may, a plugin neither
            for number, handler in handlers.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def _numpy() -> Iterator[None]:
    import numpy as np

    state, errors = np.random.get_state(), np.geterr()
    try:
        yield
    finally:
        np.random.set_state(state)
        np.seterr(**errors)


@contextlib.contextmanager
def _torch() -> Iterator[None]:
    if "torch" not in sys.modules:  # a clause about data alone need not wait for it
        yield
        return
    import torch

    numbers, grad, kind, threads = (
        torch.random.get_rng_state(), torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()
    )  # fmt: skip
    exact, matmul = torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()
    try:
        yield
    finally:
        torch.random.set_rng_state(numbers)
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(kind)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(exact)
        torch.set_float32_matmul_precision(matmul)
