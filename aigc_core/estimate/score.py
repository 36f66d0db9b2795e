"""A score: a number with what it is of, and how sure it is; two compare where they are of the same kind alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from aigc_core.errors import WrongUse
from aigc_core.estimate.data import Data
from aigc_core.estimate.estimators import ESTIMATORS, Asked

if TYPE_CHECKING:
    import numpy as np

NORMAL = 1.959964
"""The 0.975 quantile of the standard normal distribution."""
NOTES = {
    "grey": "Not a likelihood of these images: a pixel's grey was taken for its probability to be white.",
    "density": "A density, not a probability: it depends on the unit that pixels are measured in.",
}
"""What has to be said of a number, by what pixels are to the model (``Score.kind``)."""


class Score(NamedTuple):
    """How likely a model finds images: the mean of a number that each image has, in nats."""

    asked: Asked
    data: Data
    kind: str
    """What grey pixels are to the model: ``levels`` that have probabilities, points of a ``density``, or ``grey`` where
    it knows black and white alone. Of images of black and white, ``levels``."""
    values: np.ndarray
    """Each image's number in each round, float64 (rounds, n)."""
    dimensions: int
    """How many numbers an image has."""

    @property
    def id(self) -> str:
        """What is measured, and on what: scores with other ids do not compare."""
        return f"{ESTIMATORS[self.asked.estimator].name.format(self.asked.draws)}@{self.data.id(self.kind)}"

    @property
    def says(self) -> str:
        """What the number is, in a sentence or two."""
        text = ESTIMATORS[self.asked.estimator].says.format(self.asked.draws)
        return f"{text} {NOTES[self.kind]}" if self.kind in NOTES else text

    @property
    def better(self) -> str:
        """``higher`` or ``lower``."""
        return ESTIMATORS[self.asked.estimator].better

    @property
    def nats(self) -> float:
        """The mean over images and rounds."""
        return float(self.values.mean())

    @property
    def bits(self) -> float | None:
        """Bits a dimension (of black and white: a pixel); None where the number is no probability's."""
        sign = 1 if self.better == "lower" else -1
        return None if self.kind != "levels" else sign * self.nats / math.log(2) / self.dimensions

    @property
    def error_over_images(self) -> float | None:
        """The standard error of the mean over images; None of one image."""
        each = self.values.mean(0)
        return float(each.std(ddof=1) / math.sqrt(len(each))) if len(each) > 1 and math.isfinite(self.nats) else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean over images like these, by their standard error: what other images would give.

        It says nothing of other trainings.
        """
        error = self.error_over_images
        return None if error is None else (self.nats - NORMAL * error, self.nats + NORMAL * error)

    @property
    def spread_over_rounds(self) -> float | None:
        """The standard deviation of the rounds' means: what other draws would give; None of one round."""
        each = self.values.mean(1)
        return float(each.std(ddof=1)) if len(each) > 1 and math.isfinite(self.nats) else None


def compare(one: Score, other: Score) -> float:
    """Return how many nats an image the first score is above the other.

    Raises ``WrongUse`` where they are not the same number of the same images, naming what differs.
    """
    if one.id != other.id:
        raise WrongUse(f"{one.id} and {other.id} do not compare: they differ in {_difference(one, other)}.")
    if one.data.sha256 != other.data.sha256:
        text = f"The images that the two scores {one.id} are of are not the same"
        raise WrongUse(f"{text}: sha256 {one.data.sha256[:12]} and {other.data.sha256[:12]}.")
    return one.nats - other.nats


def _difference(one: Score, other: Score) -> str:
    pairs = {
        "the estimator": (one.asked.estimator, other.asked.estimator),
        "the number of draws": (one.asked.draws, other.asked.draws),
        "the data": (one.data.name, other.data.name),
        "the binarisation": (one.data.binarise, other.data.binarise),
        "what pixels are to the model": (one.kind, other.kind),
        "the part of the data": (one.data.part, other.data.part),
        "how many images": (f"{one.data.scored} of {one.data.of}", f"{other.data.scored} of {other.data.of}"),
    }
    found = [f"{name} ({first}, {second})" for name, (first, second) in pairs.items() if first != second]
    return " and ".join(found[:2])
