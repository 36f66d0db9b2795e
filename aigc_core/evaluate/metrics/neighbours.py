"""Precision, recall, density and coverage: how samples and real data lie in each other's neighbourhoods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aigc_core.evaluate.steady import matrix
from aigc_core.interfaces.metric import Direction, Measured

if TYPE_CHECKING:
    import torch

NEAREST = 5
_ROWS = 500
_ROUNDING = 1e-13
"""A square of less than this part of the lengths is what is left of the difference of equal rows."""


class Neighbours:
    """Balls around each point reach to its fifth neighbour among its own kind.

    Precision is the share of samples in a ball of a real point, recall that of real points in a ball of a sample
    (arXiv 1904.06991, equation 1 and 2). Density is how many balls of real points a sample lies in, over five; coverage
    the share of real points whose ball holds a sample (arXiv 2002.09797, equations 3 and 4). Density may exceed 1.
    """

    needs = ("features", "real_features")
    values: ClassVar[Mapping[str, Direction]] = dict.fromkeys(("precision", "recall", "density", "coverage"), "higher")
    estimator = f"k{NEAREST}"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of fewer samples than a ball needs."""
        made, real = matrix(inputs["features"]), matrix(inputs["real_features"])
        if min(len(made), len(real)) <= NEAREST:
            return Measured(dict.fromkeys(self.values, float("nan")), f"it takes {NEAREST + 1} samples")
        return Measured(neighbourhoods(made, real, NEAREST))


def neighbourhoods(made: torch.Tensor, real: torch.Tensor, nearest: int) -> dict[str, float]:
    """Return the four numbers of samples (n, d) and real points (m, d), float64."""
    import torch

    made_reach, real_reach = reach(made, nearest), reach(real, nearest)
    inside = torch.zeros(len(made))  # in how many balls of real points each sample lies
    recalled, covered = torch.zeros(len(real), dtype=torch.bool), torch.zeros(len(real), dtype=torch.bool)
    for first in range(0, len(made), _ROWS):
        rows = slice(first, first + _ROWS)
        apart = distances(made[rows], real)
        in_real = apart < real_reach
        inside[rows] = in_real.sum(1).float()
        covered |= in_real.any(0)
        recalled |= (apart < made_reach[rows, None]).any(0)
    return {
        "precision": float((inside > 0).double().mean()),
        "recall": float(recalled.double().mean()),
        "density": float(inside.double().mean()) / nearest,
        "coverage": float(covered.double().mean()),
    }


def reach(points: torch.Tensor, nearest: int) -> torch.Tensor:
    """Return each point's distance to its ``nearest``-th neighbour, itself not counted."""
    import torch

    parts = [points[at : at + _ROWS] for at in range(0, len(points), _ROWS)]
    return torch.cat([distances(rows, points).kthvalue(nearest + 1, dim=1).values for rows in parts])


def distances(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the Euclidean distances (n, m) of rows; 0 where rounding makes more of the difference than the rows do."""
    lengths = (one * one).sum(1)[:, None] + (other * other).sum(1)[None]
    squares = lengths - 2 * one @ other.T
    return squares.where(squares > _ROUNDING * lengths, squares.new_tensor(0.0)).sqrt()
