"""Temperature, and the filters that keep some tokens and drop the rest, on one row of scores.

Scores are float32, (m,), have no NaN, and their maximum is finite; -inf is a token that cannot be chosen. A filter
returns the places of those that are kept, ascending: never none. Each does what transformers' warper of that name does.
"""

from __future__ import annotations

import math

import numpy as np

_LEAST, _MOST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
_BINS, _BINS_A_NAT = 2048, np.float32(64)
"""What lies farther away than all bins hardly weighs anything, and has the last one to itself."""
_large = np.errstate(over="ignore")
"""Differences and quotients beyond float32 are infinite, which is what they mean here."""


@_large
def temperature(scores: np.ndarray, value: float) -> np.ndarray:
    """Return the scores divided by a temperature above 0, whatever its size."""
    if value == 1:
        return scores
    value = min(max(value, _LEAST), _MOST)  # what float32 can divide by
    top = scores.max()
    if abs(float(top)) / value > _MOST:  # differences alone matter, and the largest then is 0 at any temperature
        scores = scores - top
    scaled: np.ndarray = scores / np.float32(value)
    return scaled


@_large
def weights_of(scores: np.ndarray) -> np.ndarray:
    """Return float32 weights (m,) in proportion to the tokens' probabilities; the largest is 1."""
    weights: np.ndarray = scores - scores.max()
    np.exp(weights, out=weights)
    return weights


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Keep the ``k`` largest, and what equals the last of them."""
    if k >= len(scores):
        return np.arange(len(scores))
    border = len(scores) - k
    return np.flatnonzero(scores >= np.partition(scores, border)[border])


@_large
def top_p(scores: np.ndarray, p: float) -> np.ndarray:
    """Keep the fewest largest whose probability together is at least ``p`` (arXiv 1904.09751); equal ones by place."""
    weights = weights_of(scores)
    total = float(weights.sum(dtype=np.float64))
    # All that weigh less than this have less than 1 - p together, so that none of them is kept; mostly, that is most.
    likely = np.flatnonzero(weights >= np.float32((1 - p) * total / len(weights)))
    away = scores.max() - scores[likely]
    border, equal = _border(away, weights[likely], p * total)
    kept = away < border
    kept[np.flatnonzero(away == border)[:equal]] = True
    places: np.ndarray = likely[kept]
    return places


def min_p(scores: np.ndarray, p: float) -> np.ndarray:
    """Keep what is at least ``p`` times as probable as the largest (arXiv 2407.01082)."""
    return np.flatnonzero(scores >= np.float32(float(scores.max()) + math.log(p)))


@_large
def typical_p(scores: np.ndarray, mass: float) -> np.ndarray:
    """Keep those whose surprise is nearest to the entropy and whose probability together is at least ``mass``
    (arXiv 2202.00666), and what is as near as the last of them."""
    weights = weights_of(scores)
    total = float(weights.sum(dtype=np.float64))
    away = scores.max() - scores  # at first from the largest: the surprise, but for a constant
    expected = float(np.einsum("i,i->", weights, np.minimum(away, _MOST), dtype=np.float64)) / total
    away = np.abs(away - np.float32(expected))
    border, _ = _border(away, weights, mass * total)
    return np.flatnonzero((away <= border) & (weights > 0))


def _border(away: np.ndarray, weights: np.ndarray, sought: float) -> tuple[np.float32, int]:
    """Return the least distance within which so much weight lies, and how many at that very distance it takes.

    Distances (m,) are 0 or more. They are sorted within one bin alone, the one where the weight is reached: to sort a
    whole vocabulary costs as much as a small model's token.
    """
    scaled = away * _BINS_A_NAT
    bins = np.minimum(scaled, _BINS - 1, out=scaled).astype(np.intp)
    reached = np.cumsum(np.bincount(bins, weights, _BINS))
    found = min(int(np.searchsorted(reached, sought)), int(bins.max()))  # by rounding, all may weigh too little
    inside = np.flatnonzero(bins == found)
    inside = inside[np.argsort(away[inside])]
    rest = sought - (float(reached[found - 1]) if found else 0.0)
    last = min(int(np.searchsorted(np.cumsum(weights[inside], dtype=np.float64), rest)), len(inside) - 1)
    near = away[inside]
    border: np.float32 = near[last]
    return border, last - int(np.searchsorted(near, border)) + 1
