"""The way from one latent to another that most autoencoders share."""

from __future__ import annotations

import numpy as np


def straight(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the points of the straight line between two latents (\\*shape), a row for each weight in [0, 1]."""
    share = weights.astype(np.float32).reshape(-1, *[1] * one.ndim)
    line: np.ndarray = (1 - share) * one + share * other
    return line
