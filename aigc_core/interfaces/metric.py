"""The contract of a metric: named numbers from named inputs, none of which is the model itself.

So a metric can be computed outside the sandbox that samples come from, and a model cannot lie about its own score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

Direction = Literal["lower", "higher"]
"""Which way is better."""

INPUTS = {
    "images": "the samples as 8-bit levels, uint8 (n, c, h, w), brought to the extractor's size where there is one",
    "real_images": "as many of the held-out images, in the same form",
    "training_images": "every training image, in the same form",
    "features": "the samples' features by the extractor, float64 (n, d)",
    "real_features": "those of as many held-out images",
    "probabilities": "the samples' class probabilities by the extractor, float64 (n, classes)",
    "real_probabilities": "those of as many held-out images",
    "texts": "the samples, a list of str",
    "real_texts": "as many held-out texts, a list of str",
    "training_texts": "every training text, a list of str",
    "nats": "-ln p of each held-out item under the model, float64 (n,)",
    "dimensions": "how many numbers an image has, an int",
    "tokens": "how many tokens of each held-out text were predicted, int64 (n,)",
    "bytes": "how many UTF-8 bytes each held-out text has, int64 (n,)",
    "estimator": "how the likelihood was found, such as exact or importance-200, a str",
    "pixels": "what pixels are to the model: levels that have probabilities, a density, or grey that it takes for the "
    "probability of white; a str",
    "first_sample_s": "seconds from the start of a process to the model's first sample, a float",
    "samples_s": "seconds that the samples took after it, a float",
    "samples": "how many these were, an int",
    "peak_bytes": "the largest resident memory of that process, an int",
}
"""Everything that a metric can ask for."""
OF_SAMPLES = {"images", "features", "probabilities", "texts"}
"""Inputs that are the samples; for the floor, real ones stand in their place."""
OF_EXTRACTOR = {"features", "real_features", "probabilities", "real_probabilities"}
"""Inputs that depend on the extractor, whose name and hash are then a part of the score's id."""
OF_COST = {"first_sample_s", "samples_s", "samples", "peak_bytes"}
"""Inputs that a run of the model gives, on a machine that is part of the number."""
OF_LIKELIHOOD = {"nats", "dimensions", "tokens", "bytes", "estimator", "pixels"}
"""Inputs that the model itself says of held-out data."""


class Measured(NamedTuple):
    """What a metric found."""

    values: Mapping[str, float]
    """A number for each of ``Metric.values``; NaN where there is none, and ``why`` says the reason."""
    why: str = ""
    """In a clause, why a value is NaN, or what is suspect of it."""
    details: Mapping[str, Any] = {}
    """Evidence as JSON, such as the nearest pairs; never written to."""
    estimator: str = ""
    """In the place of ``Metric.estimator``, where only the inputs tell."""


@runtime_checkable
class Metric(Protocol):
    """Judges samples, or what a model says of held-out data. It is made without arguments and has no state.

    Equal inputs give equal numbers to the bit, on one thread; whatever is in the samples (copies of one, constants,
    empty texts), it returns and does not raise.
    """

    needs: tuple[str, ...]
    """The names of its inputs, of ``INPUTS``."""
    values: Mapping[str, Direction]
    """Every number that it returns, and which way of it is better."""
    estimator: str
    """What of the computation changes the number, for the score's id: lower-case letters, digits, dots and dashes."""

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure. ``inputs`` has every name in ``needs``."""
        ...
