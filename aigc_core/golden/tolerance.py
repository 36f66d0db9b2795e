"""From what was measured to tolerances: wide enough for other machines, narrow enough for another model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import CheckFailed

if TYPE_CHECKING:
    import numpy as np

MARGIN = 4
"""Another machine rounds otherwise: it is given so many times what was seen here."""
FLOOR = 1e-6
"""Of an image's range: a few units of float32's last place, which any other order of additions may move."""
NATS = 1e-4
"""Of a token's log-probability: what the project promises for texts."""
OUTLIER = 0.01
"""Of an image's range: further away is no rounding, but a decision that fell the other way, such as a pixel's draw."""
MOST = 0.1
"""Share of values that may be such; a model of more is not reproducible."""


class Tolerance(NamedTuple):
    """What a manifest says, with its evidence."""

    rtol: float
    atol: float
    per_million: float
    largest: dict[str, float]
    """By variant, how far the furthest value is from the stored one."""


def of(found: Mapping[str, Mapping[str, np.ndarray]], span: float) -> Tolerance:
    """Return the tolerances for variants of which the first is stored; ``span`` is the range of images.

    Raises ``CheckFailed`` where the variants are not of one output: then no tolerance would say anything.
    """
    (_, stored), *others = found.items()
    if "images" in stored:
        return _of_images(stored["images"], {name: each["images"] for name, each in others}, span)
    return _of_texts(stored, dict(others))


def _of_images(stored: np.ndarray, others: Mapping[str, np.ndarray], span: float) -> Tolerance:
    import numpy as np

    largest, worst, share = {}, 0.0, 0.0
    for name, values in others.items():
        if values.shape != stored.shape:
            raise CheckFailed(f"The output has another shape by {name}: {list(values.shape)}.")
        off = np.abs(values.astype(np.float64) - stored)
        away = ~(off <= OUTLIER * span)
        largest[name] = float(f"{off.max():.3g}")
        worst = max(worst, float(off[~away].max(initial=0.0)))
        share = max(share, float(away.mean()))
        if share > MOST:
            text = f"The output is not reproducible: by {name}, {share:.0%} of the values are other ones."
            raise CheckFailed(text, "Look for randomness of its own, or for layers that mix the rows of a batch.")
    return Tolerance(0.0, up(max(MARGIN * worst, FLOOR * span)), math.ceil(MARGIN * share * 1e6), largest)


def _of_texts(stored: Mapping[str, np.ndarray], others: Mapping[str, Mapping[str, np.ndarray]]) -> Tolerance:
    from aigc_core.golden.texts import compare_texts

    largest: dict[str, float] = {}
    for name, each in others.items():
        problem, details = compare_texts(stored, each, 1e9)  # only how far apart it is
        if "tokens" not in stored and problem:
            raise CheckFailed(f"The text is not reproducible: by {name}, {problem[0].lower()}{problem[1:]}")
        if problem:
            raise CheckFailed(f"The text is not reproducible by {name}. {problem}")
        largest[name] = float(f"{details.get('largest') or 0.0:.3g}")
    return Tolerance(0.0, up(max(MARGIN * max(largest.values(), default=0.0), NATS)), 0, largest)


def up(value: float) -> float:
    """Return a number rounded up to one digit: 0.00013 becomes 0.0002."""
    power = math.floor(math.log10(value))
    digit = math.ceil(value / 10.0**power - 1e-9)
    return float(f"{digit}e{power}")


def evidence(tolerance: Tolerance, environment: Mapping[str, str], values: int) -> dict[str, Any]:
    """Return what a manifest keeps of how the tolerances came about."""
    return {"environment": dict(environment), "values": values, "largest": tolerance.largest}
