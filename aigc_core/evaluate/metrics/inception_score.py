"""Inception score: how sure the extractor's classifier is of each sample, and how varied they are together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from aigc_core.evaluate.steady import matrix
from aigc_core.interfaces.metric import Direction, Measured


class InceptionScore:
    """exp(E KL(p(y | x) | p(y))) over all samples at once (arXiv 1606.03498, section 4).

    It lies in [1, classes], and says nothing of how near samples are to real ones. A class that is never predicted adds
    0: no collapse gives NaN.
    """

    needs = ("probabilities",)
    values: ClassVar[Mapping[str, Direction]] = {"inception-score": "higher"}
    estimator = "whole"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of no samples."""
        import torch

        probabilities = matrix(inputs["probabilities"])
        if not len(probabilities):
            return Measured({"inception-score": float("nan")}, "there are no samples")
        of_all = torch.special.entr(probabilities.mean(0)).sum()
        of_each = torch.special.entr(probabilities).sum(1).mean()
        return Measured({"inception-score": float((of_all - of_each).exp())})
