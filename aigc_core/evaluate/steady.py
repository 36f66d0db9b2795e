"""Arithmetic whose bits depend on nothing but the numbers: one thread, memory of torch's own, float64."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, so that a score does not depend on how many cores a machine has."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def matrix(values: Any) -> torch.Tensor:
    """Copy numbers to a float64 tensor. Kernels choose by the alignment of memory, and torch's is always one."""
    import torch

    return torch.tensor(values, dtype=torch.float64)
