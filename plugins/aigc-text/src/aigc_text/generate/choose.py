"""From logits and one uniform number to a token, and how probable that token was."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse
from aigc_text.generate import filters
from aigc_text.generate.settings import Settings

BELOW_ONE = 1 - 2**-24
"""The largest float32 below 1: a uniform that was rounded up to 1 counts as this."""
_BLOCK = 256


def choose(logits: np.ndarray, uniform: float, settings: Settings) -> int:
    """Return the token that logits (vocabulary,), float32, penalties included, and ``uniform`` in [0, 1] lead to.

    Temperature, top_k, top_p, min_p and typical_p apply in this order; then the first token, in the order of ids, whose
    cumulated probability passes ``uniform`` is chosen. At temperature 0 it is the likeliest, the first among equals.
    Raises ``NotAvailable`` where the logits are NaN or leave no token, ``WrongUse`` where no_repeat_ngram leaves none.
    """
    best = int(logits.argmax())  # the first NaN, where there is one
    top = float(logits[best])
    _check(top, settings)
    if settings.greedy:
        return best
    if top == math.inf:  # what is infinitely likely shares all the probability
        logits = np.where(logits == np.inf, np.float32(0), np.float32(-np.inf))
    scores, kept = filters.temperature(logits, settings.temperature), None
    for keep, value in _filters(settings):
        places = keep(scores, value)
        scores, kept = scores[places], places if kept is None else kept[places]
    place = drawn(filters.weights_of(scores), uniform)
    return place if kept is None else int(kept[place])


def drawn(weights: np.ndarray, uniform: float) -> int:
    """Return the first place where the cumulated weights (m,), float32, pass ``uniform`` times their sum.

    Sums are float64, of blocks first: no more than one block is looked at weight by weight.
    """
    blocks = np.cumsum(np.add.reduceat(weights, np.arange(0, len(weights), _BLOCK), dtype=np.float64))
    reached = min(max(uniform, 0.0), BELOW_ONE) * float(blocks[-1])
    block = int(np.searchsorted(blocks, reached, side="right"))  # above, so that it has a weight of its own
    start = block * _BLOCK
    inside = weights[start : start + _BLOCK]
    rest = reached - (float(blocks[block - 1]) if block else 0.0)
    place = int(np.searchsorted(np.cumsum(inside, dtype=np.float64), rest, side="right"))
    if place == len(inside):  # the two ways to sum may differ in the last bit
        place = int(np.flatnonzero(inside)[-1])
    return start + place


def logprob(logits: np.ndarray, token: int) -> float:
    """Return ln p of a token in nats, by the softmax of raw logits (vocabulary,), float32, without NaN; to 1e-6."""
    top = float(logits.max())
    if top == math.inf:
        return -math.log(np.count_nonzero(logits == np.inf)) if logits[token] == np.inf else -math.inf
    return float(logits[token]) - top - math.log(float(filters.weights_of(logits).sum()))


def _check(top: float, settings: Settings) -> None:
    """Raise where the largest logit says that no token can be chosen."""
    if math.isnan(top):
        hint = "Its weights may be damaged, or too large for this type: try --dtype float32."
        raise NotAvailable("The model's logits are NaN, so that no token can be chosen.", hint)
    if top == -math.inf and settings.no_repeat_ngram:
        size = settings.no_repeat_ngram
        raise WrongUse(f"Option no_repeat_ngram {size} rules out every token here.", "Take a larger one, or none.")
    if top == -math.inf:
        raise NotAvailable("The model gives every token the logit -inf, so that none can be chosen.")


def _filters(settings: Settings) -> Iterator[tuple[Callable[[np.ndarray, float], np.ndarray], float]]:
    """Yield the filters that keep less than everything, in their order."""
    if settings.top_k:
        yield lambda scores, k: filters.top_k(scores, int(k)), settings.top_k
    if settings.top_p < 1:
        yield filters.top_p, settings.top_p
    if settings.min_p > 0:
        yield filters.min_p, settings.min_p
    if settings.typical_p < 1:
        yield filters.typical_p, settings.typical_p
