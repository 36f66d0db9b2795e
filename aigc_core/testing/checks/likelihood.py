"""P: what a model says of how likely images are."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from aigc_core.interfaces import Density
from aigc_core.testing.images import images
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.verdict import Broken, Skipped

if TYPE_CHECKING:
    import numpy as np

_ROWS, _DRAWS, _MANY, _SMALL = 3, 4, 256, 4096


def contract(subject: ModelSubject) -> None:
    """P1: ``exact``, ``levels`` and ``draw`` are there, and log weights are float64 (n, k), finite."""
    import numpy as np

    density = subject.model.generator
    if not isinstance(density, Density):
        raise Broken("What opens has not exact, levels, draw and log_weights.", "See aigc_core.interfaces.Density.")
    found = _weights(subject, _given(subject, _ROWS), _noise(subject, _ROWS, _DRAWS))
    if not isinstance(found, np.ndarray) or found.dtype != np.float64 or found.shape != (_ROWS, _DRAWS):
        shape = getattr(found, "shape", None)
        raise Broken(
            f"log_weights gives {getattr(found, 'dtype', type(found).__name__)} {shape}, not float64 {(_ROWS, _DRAWS)}."
        )
    if not np.isfinite(found).all():
        raise Broken("Log weights are not finite.", "Work with logarithms all the way.")


def at_most_one(subject: ModelSubject) -> None:
    """P2: ln of the mean weight of 256 draws, where ``levels`` says that images are discrete."""
    import numpy as np

    if not subject.model.generator.levels:
        raise Skipped("its images are not discrete (levels is 0)")
    found = _weights(subject, _given(subject, _ROWS), _noise(subject, _ROWS, _MANY))
    bounds = np.logaddexp.reduce(found, axis=1) - math.log(_MANY)
    if bounds.max() > 0:
        raise Broken(
            f"ln p of a discrete image is {bounds.max():.4g}, above 0.",
            "Say levels = 0 where p is a density.",
        )


def rows_alone(subject: ModelSubject) -> None:
    """P3: the same image and draws in another row, beside others."""
    import numpy as np

    given, draws = _given(subject, _ROWS), _noise(subject, _ROWS, _DRAWS)
    first = _weights(subject, given, draws)
    order = [2, 0, 1]
    again = _weights(subject, given[order], draws[order])
    others = _weights(
        subject, np.concatenate([given[:1], _given(subject, 2, seed=7)]), np.concatenate([draws[:1], draws[1:] * 0.5])
    )
    for found, wanted in ((again, first[order]), (others[:1], first[:1])):
        if not np.allclose(found, wanted, rtol=1e-5, atol=1e-4):
            raise Broken(
                f"An image's log weights move by {np.abs(found - wanted).max():.4g} with its neighbours or its row.",
                "Compute nothing over the batch.",
            )


def exactness(subject: ModelSubject) -> None:
    """P4: the spread of one image's log weights over draws."""
    found = _weights(subject, _given(subject, _ROWS), _noise(subject, _ROWS, _DRAWS))
    spread, exact = float((found.max(1) - found.min(1)).max()), bool(subject.model.generator.exact)
    if exact and spread > 1e-4:
        raise Broken(
            f"It says exact, and draws give weights that are {spread:.4g} nats apart.",
            "Say exact = False: it is a bound.",
        )
    if not exact and spread == 0:
        raise Broken(
            "It says that it is not exact, and all draws give one weight.", "Use the noise, or say exact = True."
        )


def normalised(subject: ModelSubject) -> None:
    """P5: of exact models, the sum over all images of a few pixels and levels."""
    import numpy as np

    model = subject.model
    levels, shape = int(model.generator.levels), [size for size in model.manifest.input["shape"] if size]
    count = levels ** math.prod(shape) if levels and len(shape) == 3 and math.prod(shape) <= 16 else 0
    if not model.generator.exact or not 0 < count <= _SMALL:
        raise Skipped("there are too many images to try them all, or p is not exact")
    low, high = model.manifest.input["range"]
    steps = np.linspace(low, high, levels)
    every = np.array([*itertools.product(steps, repeat=math.prod(shape))], np.float32).reshape(-1, *shape)
    found = _weights(subject, every, np.zeros((len(every), 1, *model.generator.draw.shape), np.float32))
    total = float(np.exp(found).sum())
    if abs(total - 1) > 1e-3:
        raise Broken(
            f"The probabilities of all {len(every):,} images add up to {total:.6g}.",
            "Look for a constant or a base of logarithms.",
        )


def _weights(subject: ModelSubject, given: np.ndarray, draws: np.ndarray) -> np.ndarray:
    import numpy as np

    found: np.ndarray = subject.model.generator.log_weights(given, np.zeros(len(given), np.int64), draws)
    return found


def _given(subject: ModelSubject, count: int, seed: int = 0) -> np.ndarray:
    return images(subject.model, count, seed)


def _noise(subject: ModelSubject, rows: int, draws: int) -> np.ndarray:
    import numpy as np

    found: np.ndarray = np.random.default_rng(0).standard_normal((rows, draws, *subject.model.generator.draw.shape))
    return found.astype(np.float32)
