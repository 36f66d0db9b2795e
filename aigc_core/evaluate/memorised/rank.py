"""Mann and Whitney's rank test as one number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def rank_z(one: np.ndarray, other: np.ndarray) -> float:
    """Return the z of the rank sum of ``one`` among both (n,) and (m,): below 0 where its values are the smaller ones.

    Ties share their ranks, and the variance is corrected for them; where all values are equal it is 0.
    """
    import numpy as np

    n, m = len(one), len(other)
    _, place, counts = np.unique(np.concatenate([one, other]), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[place]
    pairs = float(ranks[:n].sum()) - n * (n + 1) / 2
    ties = float((counts.astype(np.float64) ** 3 - counts).sum()) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * (n + m + 1 - ties)
    return (pairs - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0
