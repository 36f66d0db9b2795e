"""Mode coverage: which classes samples fall in, by the extractor's classifier, beside those of real data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from aigc_core.interfaces.metric import Direction, Measured

PART = 0.25
"""A class is covered where its share is at least so much of that among real data: one stray sample covers none."""


class Modes:
    """The share of the real data's classes that is covered, and KL(samples | real) of the classes' shares, in nats.

    As in the table of arXiv 1712.04086 (section 4.1), where a mode counts from one sample on; here it takes a quarter
    of its real share, for a classifier errs. Classes are the likeliest ones; a real share of 0 counts as half a row.
    """

    needs = ("probabilities", "real_probabilities")
    values: ClassVar[Mapping[str, Direction]] = {"covered": "higher", "divergence": "lower"}
    estimator = "quarter"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of no samples."""
        import numpy as np

        made, real = inputs["probabilities"], inputs["real_probabilities"]
        if not len(made) or not len(real):
            return Measured(dict.fromkeys(self.values, float("nan")), "there are no samples")
        found, wanted = (np.bincount(each.argmax(1), minlength=each.shape[1]) / len(each) for each in (made, real))
        there = wanted > 0
        ratio = found[found > 0] / np.maximum(wanted, 0.5 / len(real))[found > 0]
        values = {
            "covered": float((found >= PART * wanted)[there].mean()),
            "divergence": float((found[found > 0] * np.log(ratio)).sum()),
        }
        details = {"shares": found.round(6).tolist(), "real_shares": wanted.round(6).tolist()}
        return Measured(values, "", details)
