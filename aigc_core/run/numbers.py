"""Whole numbers that somebody gives: counts, seeds and the indices of samples."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from aigc_core.errors import WrongUse

_END = 2**63


def index_range(start: int, count: int) -> range:
    """Return the indices of ``count`` samples from ``start`` on. Raises ``WrongUse`` where that cannot be."""
    start, count = whole_number(start, "start", 0), whole_number(count, "count", 1)
    whole_number(start + count, "start + count", 1)
    return range(start, start + count)


def checked_indices(indices: Sequence[int]) -> Sequence[int]:
    """Return indices as ints. Raises ``WrongUse`` where one is none from 0 up."""
    if isinstance(indices, range):
        for index in (indices[0], indices[-1]):
            whole_number(index, "index", 0)
        return indices
    return [whole_number(index, "index", 0) for index in indices]


def whole_number(value: Any, name: str, lowest: int) -> int:
    """Return an argument as an int from ``lowest`` up. Raises ``WrongUse`` where it is no such number."""
    try:
        number = operator.index(value)
    except TypeError:
        raise WrongUse(f"{name} is {value!r}, it takes a whole number.") from None
    if not lowest <= number < _END:
        upper = "up" if number < lowest else "to 2**63 - 1"
        raise WrongUse(f"{name} is {number}, it takes a whole number from {lowest} {upper}.")
    return number
