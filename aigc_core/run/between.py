"""From one sample of a seed to another, through the noise that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.run.noise import draw

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.model import Model

_STRAIGHT = 1e-6
"""Below this sine of the angle between two latents there is one line through both, and no sphere's arc."""


def between_samples(
    model: Model, one: int, other: int, count: int, seed: int, options: Mapping[str, Any]
) -> Iterator[Samples]:
    """Yield ``count`` samples on the way from sample ``one`` of a seed to sample ``other``, both included.

    Normal noise goes along the great circle (``slerp``); uniform noise, which chooses, changes at the half. The ends
    are those samples to the bit. Raises ``NotAvailable`` where the plugin's code fails.
    """
    import numpy as np

    ends = draw(model.generator.noise, seed, [one, other])
    yield from model.stream_from(way(model.generator.noise, ends, np.linspace(0, 1, count)), **options)


def way(specs: Mapping[str, NoiseSpec], ends: Mapping[str, np.ndarray], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the noise between two rows of noise, float32, a row for each weight in [0, 1]."""
    import numpy as np

    found = {}
    for name, spec in specs.items():
        one, other = ends[name]
        if spec.distribution == "normal":
            found[name] = slerp(one, other, weights)
        else:
            later = (weights >= 0.5).reshape(-1, *[1] * one.ndim)
            found[name] = np.where(later, other, one)
    return found


def slerp(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the points between two latents along the great circle, float32, a row for each weight (arXiv 1609.04468).

    A straight line would pass nearer to the origin than any sample that the model was trained on. Where the two point
    the same way, or opposite ways, so that no one circle goes through both, the line is taken.
    """
    import numpy as np

    first, last = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    lengths = np.linalg.norm(first) * np.linalg.norm(last)
    angle = np.arccos(np.clip(first @ last / lengths, -1, 1)) if lengths else 0.0
    part = weights.astype(np.float64)[:, None]
    if np.sin(angle) < _STRAIGHT:
        points = (1 - part) * first + part * last
    else:
        points = (np.sin((1 - part) * angle) * first + np.sin(part * angle) * last) / np.sin(angle)
    found: np.ndarray = points.astype(np.float32).reshape(-1, *one.shape)
    found[weights == 0], found[weights == 1] = one, other  # to the bit
    return found
