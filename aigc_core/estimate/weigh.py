"""From a model and images to a score: draws in chunks, so that memory is bounded, and no chunk shows in the result."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.estimate.data import Batch, Data
from aigc_core.estimate.estimators import ESTIMATORS, Asked
from aigc_core.estimate.score import Score
from aigc_core.estimate.sums import Sums
from aigc_core.interfaces import Density, NoiseSpec
from aigc_core.run.noise import draw

if TYPE_CHECKING:
    import numpy as np

AT_ONCE = 1 << 20
"""How many numbers of images, or of noise, are computed at once where there are more: what fits a processor's cache."""
_DRAW, _ROUND = 28, 56
"""From which bit on an index of noise holds the image's row, and the round; below are the draws."""
_CLOSEST = 1 << _DRAW


def score(
    density: Density,
    batches: Iterable[Batch],
    asked: Asked,
    data: Data,
    *,
    at_once: int = AT_ONCE,
    done: Callable[[int], None] = lambda images: None,
) -> Score:
    """Score images by what ``asked`` says; ``data`` says whose they are.

    The result is a function of model, images, rows and ``asked``: of neither batches nor ``at_once``, but for what the
    model's own arithmetic makes of the shape of a batch. ``done`` hears how many images have been scored. Raises
    ``WrongUse`` where there is no image, ``NotAvailable`` where the model's weights are no logarithms.
    """
    import numpy as np

    asked = asked.check(density.exact)
    content, found = hashlib.sha256(), list[Any]()
    dimensions = count = 0
    for batch in batches:
        dimensions = math.prod(batch.images.shape[1:])
        content.update(np.ascontiguousarray(batch.images, np.float32).data)
        size = max(1, at_once // (_width(density, dimensions) * asked.draws))
        # Made at once: small arrays that stay, between large ones that go, would keep the heap from being used again.
        values = np.empty((asked.rounds, len(batch.rows)))
        for first in range(0, len(batch.rows), size):
            part = _part(batch, slice(first, first + size))
            for round_ in range(asked.rounds):
                values[round_, first : first + size] = _values(density, part, asked, round_, at_once)
            done(count + first + len(part.rows))
        found.append(values)
        count += len(batch.rows)
    if not found:
        raise WrongUse("There are no images to score.")
    whole = data._replace(scored=count, of=data.of or count, sha256=content.hexdigest())
    return Score(asked, whole, kind(density, whole), np.concatenate(found, axis=1), dimensions)


def kind(density: Density, data: Data) -> str:
    """Return what the images' pixels are to the model, as ``Score.kind``."""
    if not density.levels:
        return "density"
    return "levels" if data.binarise != "none" or density.levels > 2 else "grey"


def _width(density: Density, dimensions: int) -> int:
    return max(dimensions, math.prod(density.draw.shape))


def _part(batch: Batch, some: slice) -> Batch:
    return Batch(batch.rows[some], batch.images[some], None if batch.labels is None else batch.labels[some])


def _values(density: Density, part: Batch, asked: Asked, round_: int, at_once: int) -> np.ndarray:
    """Return one round's number of each image, (n,)."""
    n = len(part.rows)
    most = max(1, at_once // (_width(density, math.prod(part.images.shape[1:])) * n))
    sums = Sums(n)
    for first in range(0, asked.draws, most):
        draws = range(first, min(first + most, asked.draws))
        sums.add(_weights(density, part, noise(density.draw, asked.seed, round_, part.rows, draws)))
    return ESTIMATORS[asked.estimator].of(sums)


def noise(spec: NoiseSpec, seed: int, round_: int, rows: Sequence[int], draws: range) -> np.ndarray:
    """Return the noise of some draws of some rows, float32 (n, k, \\*shape): a function of seed, round, row, draw.

    The first draws of many are those of few.
    """
    if rows and not 0 <= min(rows) <= max(rows) < _CLOSEST:
        raise WrongUse(f"Rows of data are scored from 0 to {_CLOSEST - 1:,}.")
    indices = [round_ << _ROUND | row << _DRAW | one for row in rows for one in draws]
    return draw({"importance": spec}, seed, indices)["importance"].reshape(len(rows), len(draws), *spec.shape)


def _weights(density: Density, part: Batch, drawn: np.ndarray) -> np.ndarray:
    import numpy as np

    weights = density.log_weights(part.images, part.labels, drawn)
    expected = drawn.shape[:2]
    if not isinstance(weights, np.ndarray) or weights.shape != expected or weights.dtype != np.float64:
        is_ = f"{weights.dtype} {list(weights.shape)}" if isinstance(weights, np.ndarray) else type(weights).__name__
        raise NotAvailable(f"The model's log weights are {is_}, not float64 {list(expected)}.")
    if not (weights < np.inf).all():  # NaN is not either
        raise NotAvailable("The model's log weights are not finite.")
    return weights
