"""Numbers wide enough for a loss, and what one is weighed by."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def precise(values: Tensor) -> Tensor:
    """Return halves as float32, in which squares and sums do not overflow, and anything else as it is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def number(name: str, value: float) -> float:
    """Return what a loss is weighed by. Raises ``ValueError`` where it is no number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value!r}; it is a number from 0 up")
    return value
