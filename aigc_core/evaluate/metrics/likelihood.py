"""Likelihood of held-out data under the model: of images in nats and bits a dimension, of texts in bits a byte."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from aigc_core.interfaces.metric import Direction, Measured

_LARGEST = 700.0
"""e to a larger power is more than a float holds."""
_NO_BITS = {
    "density": "it is a density, which depends on the unit of the pixels, so it has no bits",
    "grey": "a pixel's grey was taken for its probability to be white, so it is no likelihood of these images",
}
"""What has to be said of nats that are no probability's, by what pixels are to the model."""


class Likelihood:
    """The mean of -ln p(x) over images, in nats, and the same in bits for each of an image's numbers.

    Of a model without an exact likelihood it is an estimate by importance sampling, which lies above the truth in the
    mean (arXiv 1509.00519, section 3). Bits are of probabilities alone: there are none of a density, whose number
    depends on the unit of the pixels, nor where a pixel's grey is taken for its probability to be white. The score's id
    says which of all these, and of how many draws.
    """

    needs = ("nats", "dimensions", "estimator", "pixels")
    values: ClassVar[Mapping[str, Direction]] = {"nats": "lower", "bits-per-dimension": "lower"}
    estimator = "stated"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN where an image is impossible to the model, and of bits where p is no probability."""
        estimator = f"{inputs['estimator']}.{inputs['pixels']}"
        total, count = _total(inputs["nats"]), len(inputs["nats"])
        if not math.isfinite(total):
            why = "an image has no likelihood under the model"
            return Measured(dict.fromkeys(self.values, math.nan), why, estimator=estimator)
        mean, error = total / count, _error(inputs["nats"], [1] * count)
        of_bits = inputs["dimensions"] * math.log(2) if inputs["pixels"] == "levels" else math.nan
        values = {"nats": mean, "bits-per-dimension": mean / of_bits}
        errors = _errors({"nats": error, "bits-per-dimension": error / of_bits})
        return Measured(values, _NO_BITS.get(inputs["pixels"], ""), errors, estimator)


class BitsPerByte:
    """-log2 p of held-out texts for each of their UTF-8 bytes: it compares between any two models of text.

    A text's first token has no probability where nothing stands before it, but its bytes count.
    """

    needs = ("nats", "bytes")
    values: ClassVar[Mapping[str, Direction]] = {"bits-per-byte": "lower"}
    estimator = "exact"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN where a text is impossible to the model."""
        total, size = _total(inputs["nats"]), sum(int(each) for each in inputs["bytes"])
        if not size or not math.isfinite(total):
            return Measured({"bits-per-byte": math.nan}, "a text has no likelihood under the model")
        error = _error(inputs["nats"], inputs["bytes"])
        return Measured(
            {"bits-per-byte": total / math.log(2) / size}, "", _errors({"bits-per-byte": error / math.log(2)})
        )


class Perplexity:
    """-ln p of held-out texts for each token, and e to that power: between models of one tokenizer alone.

    So the score's id says into how many tokens the texts fell: another tokenizer makes another number of them.
    """

    needs = ("nats", "tokens")
    values: ClassVar[Mapping[str, Direction]] = {"nats-per-token": "lower", "perplexity": "lower"}
    estimator = "exact"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN where a text is impossible to the model."""
        total, tokens = _total(inputs["nats"]), sum(int(each) for each in inputs["tokens"])
        if not tokens or not math.isfinite(total):
            return Measured(dict.fromkeys(self.values, math.nan), "a text has no likelihood under the model")
        each, error = total / tokens, _error(inputs["nats"], inputs["tokens"])
        values = {"nats-per-token": each, "perplexity": math.exp(each) if each < _LARGEST else math.nan}
        errors = _errors({"nats-per-token": error, "perplexity": error * values["perplexity"]})
        return Measured(values, "", errors, f"exact.{tokens}-tokens")


def _total(nats: Any) -> float:
    """Return the sum; infinity of none, or where one is no number."""
    values = [float(each) for each in nats]
    try:
        return math.fsum(values) if values and all(map(math.isfinite, values)) else math.inf
    except OverflowError:
        return math.inf


def _error(nats: Any, sizes: Any) -> float:
    """Return the standard error of sum(nats) / sum(sizes) over items like these; NaN of one.

    It is that of a ratio (Cochran, "Sampling techniques", 1977, equation 6.13): of sizes that are all 1, of a mean.
    """
    pairs = [(float(each), int(size)) for each, size in zip(nats, sizes, strict=True)]
    n, whole = len(pairs), sum(size for _, size in pairs)
    if n < 2:
        return math.nan
    ratio = math.fsum(each for each, _ in pairs) / whole
    try:
        squares = math.fsum((each - ratio * size) ** 2 for each, size in pairs)
    except OverflowError:
        return math.nan
    return math.sqrt(squares * n / (n - 1)) / whole


def _errors(found: Mapping[str, float]) -> dict[str, Any]:
    """Return the details of a score with its errors, those that are known."""
    return {"errors": {name: error for name, error in found.items() if math.isfinite(error)}}
