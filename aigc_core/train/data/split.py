"""Train, validation and test: by the content's hash, so that equal rows are never on two sides, or by position."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aigc_core.errors import WrongUse
from aigc_core.train.data.fields import choice, number, only

PARTS = ("train", "validation", "test")


def digest(row: np.ndarray | str) -> bytes:
    """Return the sha256 of a row's content: its UTF-8 text, or its shape and its pixels."""
    if isinstance(row, str):
        return hashlib.sha256(row.encode()).digest()
    shape = "x".join(map(str, row.shape)) + ":"
    return hashlib.sha256(shape.encode() + row.tobytes()).digest()


class Split:
    """What ``{"by": "hash" | "position", "validation": 0.1, "test": 0.1}`` declares; a part left out is empty."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        where = "data.split"
        only(spec, ["by", *PARTS[1:]], where)
        self.by = choice(spec, "by", ["hash", "position"], where, "hash")
        self.validation = float(number(spec, "validation", float, where, 0, 1, 0.0))
        self.test = float(number(spec, "test", float, where, 0, 1, 0.0))
        self.whole = not self.validation and not self.test
        if self.validation + self.test >= 1:
            raise WrongUse(
                "data.split in the recipe leaves no row to train on.", "Let the fractions add up to less than 1."
            )

    def by_hash(self, digests: Sequence[bytes]) -> dict[str, list[int]]:
        """Return the rows of each part. Where a row goes depends on its own hash alone, so no other moves it."""
        rows: dict[str, list[int]] = {part: [] for part in PARTS}
        for row, content in enumerate(digests):
            place = int.from_bytes(content[:7], "big") / (1 << 56)
            part = "test" if place < self.test else "validation" if place < self.test + self.validation else "train"
            rows[part].append(row)
        return rows

    def by_position(self, count: int) -> dict[str, range]:
        """Return the rows of each part: the first for training, then those for validation, then those for the test."""
        first = int(count * round(1 - self.validation - self.test, 9))  # as int(0.9 * n) cuts
        second = int(count * round(1 - self.test, 9))
        return {"train": range(first), "validation": range(first, second), "test": range(second, count)}
