"""Exact search in a long text: a suffix array, sorted as deep as anybody will ask."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

DEPTH = 512
"""Suffixes are sorted by so many of their first characters; a query is no longer than that."""


class Suffixes:
    """All suffixes of a text in order; 8 bytes for each character, and some seconds for 5 million of them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.order = memoryview(_sorted(text))

    def longest(self, query: str, least: int = 0) -> int:
        """Return the length of the longest beginning of ``query`` that stands in the text; 0 where it is not longer
        than ``least``."""
        query = query[:DEPTH]
        if least and not self.has(query[: least + 1]):
            return 0
        at = bisect_left(self.order, query, key=lambda place: self.text[place : place + DEPTH])
        near = [self.order[place] for place in (at - 1, at) if 0 <= place < len(self.order)]
        return max((_common(query, self.text[place : place + DEPTH]) for place in near), default=0)

    def has(self, query: str) -> bool:
        """Say whether a text of at most ``DEPTH`` characters stands in it."""
        size = len(query)
        at = bisect_left(self.order, query, key=lambda place: self.text[place : place + size])
        return at < len(self.order) and self.text[self.order[at] : self.order[at] + size] == query


def _common(one: str, other: str) -> int:
    """Return how many first characters two texts share."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _sorted(text: str) -> Any:
    """Return the suffixes' places in order, int64: by doubling how many characters the ranks are of.

    Manber and Myers, "Suffix arrays", SIAM Journal on Computing 22 (5), 1993.
    """
    import numpy as np

    signs = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    rank = np.unique(signs, return_inverse=True)[1].astype(np.int64) + 1  # 0 is the end of the text, before all else
    order, known = np.argsort(rank, kind="stable"), 1
    while known < DEPTH and len(rank):
        after = np.zeros_like(rank)
        after[:-known] = rank[known:]
        keys = rank * (len(rank) + 1) + after
        order = np.argsort(keys, kind="stable")
        steps = np.concatenate([[1], (np.diff(keys[order]) != 0).astype(np.int64)])
        rank = np.empty_like(rank)
        rank[order] = np.cumsum(steps)
        known *= 2
        if rank[order[-1]] == len(rank):
            break
    return np.ascontiguousarray(order)
