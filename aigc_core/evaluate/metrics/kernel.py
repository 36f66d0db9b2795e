"""Kernel distance of features: the squared maximum mean discrepancy, unbiased, whatever the sample size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aigc_core.evaluate.steady import matrix
from aigc_core.interfaces.metric import Direction, Measured

if TYPE_CHECKING:
    import torch

_ROWS = 1000
"""So many rows of the kernel's matrix are in memory at once."""


class Kernel:
    """The unbiased estimate by k(x, y) = (x . y / d + 1)^3 over all pairs (arXiv 1801.01401, section 4 and lemma 6).

    The paper's is the mean over subsets; that of the whole samples is the same with less noise. It can be below 0.
    """

    needs = ("features", "real_features")
    values: ClassVar[Mapping[str, Direction]] = {"kernel": "lower"}
    estimator = "unbiased.cubic"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of a single sample."""
        one, other = matrix(inputs["features"]), matrix(inputs["real_features"])
        if min(len(one), len(other)) < 2:
            return Measured({"kernel": float("nan")}, "it takes two samples")
        return Measured({"kernel": discrepancy(one, other)})


def discrepancy(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the unbiased squared discrepancy of two samples (n, d) and (m, d), float64."""
    return _within(one) + _within(other) - 2 * _total(one, other) / (len(one) * len(other))


def _within(points: torch.Tensor) -> float:
    """Return the kernel's mean over all pairs of different rows."""
    own = float(_kernel((points * points).sum(1), points.shape[1]).sum())
    return (_total(points, points) - own) / (len(points) * (len(points) - 1))


def _total(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the sum of the kernel over all pairs."""
    blocks = (one[at : at + _ROWS] @ other.T for at in range(0, len(one), _ROWS))
    return math.fsum(float(_kernel(block, one.shape[1]).sum()) for block in blocks)


def _kernel(products: torch.Tensor, dimension: int) -> torch.Tensor:
    root = products / dimension + 1
    return root * root * root
