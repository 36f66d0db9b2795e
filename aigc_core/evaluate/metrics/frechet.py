"""Frechet distance of features: how far the samples' mean and covariance lie from those of real images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aigc_core.evaluate.steady import matrix
from aigc_core.interfaces.metric import Direction, Measured

if TYPE_CHECKING:
    import torch


class Frechet:
    """|m - m'|^2 + Tr(S + S' - 2 (S S')^(1/2)), with unbiased covariances (arXiv 1706.08500, equation 6).

    The covariances are unbiased, the distance is not: it lies above that of the distributions, by less the more samples
    there are (arXiv 1911.07023), which is why it compares at one number of them alone.
    """

    needs = ("features", "real_features")
    values: ClassVar[Mapping[str, Direction]] = {"frechet": "lower"}
    estimator = "unbiased-covariances"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN for fewer samples than twice the features, whose covariance says nothing."""
        one, other = matrix(inputs["features"]), matrix(inputs["real_features"])
        least = 2 * one.shape[1]
        if min(len(one), len(other)) < least:
            few = min(len(one), len(other))
            why = f"{few:,} samples are fewer than twice the {one.shape[1]:,} features: it takes {least:,}"
            return Measured({"frechet": float("nan")}, why)
        return Measured({"frechet": distance(one, other)})


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the distance of two samples (n, d) and (m, d), float64.

    The trace of the root of S S' is that of (S^(1/2) S' S^(1/2))^(1/2), which is symmetric: its eigenvalues are real,
    and a covariance without full rank does no harm, as it does to a root of the product itself.
    """
    import torch

    means = [each.mean(0) for each in (one, other)]
    covariances = [_covariance(each, mean) for each, mean in zip((one, other), means, strict=True)]
    values, vectors = torch.linalg.eigh(covariances[0])
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    between = (means[0] - means[1]).square().sum()
    return float(between + covariances[0].trace() + covariances[1].trace() - 2 * cross)


def _covariance(values: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    centred = values - mean
    return centred.T @ centred / (len(values) - 1)
