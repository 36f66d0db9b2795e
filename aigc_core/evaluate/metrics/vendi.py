"""Vendi score: how many samples that have nothing in common would be as varied as these are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aigc_core.evaluate.steady import matrix
from aigc_core.interfaces.metric import Direction, Measured

if TYPE_CHECKING:
    import torch


class Vendi:
    """The exponential of the entropy of the eigenvalues of K / n, K the samples' cosine similarities (arXiv 2210.02410,
    definition 3.1). It lies in [1, n], and needs no real data; what real data reach is the floor.
    """

    needs = ("features",)
    values: ClassVar[Mapping[str, Direction]] = {"vendi": "higher"}
    estimator = "cosine"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of no samples."""
        features = matrix(inputs["features"])
        if not len(features):
            return Measured({"vendi": float("nan")}, "there are no samples")
        return Measured({"vendi": effective(features)})


def effective(features: torch.Tensor) -> float:
    """Return the score of features (n, d), float64. Rows of zeros are alike, and like nothing else.

    K is X X' of rows of length 1; its eigenvalues other than 0 are those of X' X, which is d x d.
    """
    import torch

    zero = features.norm(dim=1) == 0
    features = torch.cat([features, zero.double()[:, None]], 1)
    rows = features / features.norm(dim=1, keepdim=True)
    smaller = rows.T @ rows if rows.shape[1] <= len(rows) else rows @ rows.T
    return float(torch.special.entr(torch.linalg.eigvalsh(smaller / len(rows)).clamp(min=0)).sum().exp())
