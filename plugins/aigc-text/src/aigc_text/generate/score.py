"""What a model says of a text: the log-probability of each token after those before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aigc_core.errors import WrongUse
from aigc_core.interfaces.language_model import Scores
from aigc_text.engines.engine import Engine


def scores(engine: Engine, tokens: Sequence[int]) -> Scores:
    """Score a text. One that is longer than the context goes through in windows that overlap by half of it, so that
    every token but the first half context's is predicted from at least as many.

    Raises ``WrongUse`` for a text that has no token with another before it.
    """
    if len(tokens) < 2:
        raise WrongUse(
            "The text has too few tokens to be scored: nothing stands before the first.", "Give it more text."
        )
    window = engine.context or len(tokens)
    found = [_window(engine, tokens[:window], 1)]
    done = min(window, len(tokens))
    while done < len(tokens):
        start = done - window // 2
        end = min(start + window, len(tokens))
        found.append(_window(engine, tokens[start:end], done - start))
        done = end
    return Scores(tuple(tokens), np.concatenate(found))


def _window(engine: Engine, tokens: Sequence[int], first: int) -> np.ndarray:
    """Return ln p of the tokens from ``first`` on, float32, each given all before it."""
    found, start = np.empty(len(tokens) - 1, np.float64), 0
    for logits in engine.logits(tokens[:-1]):
        end = start + len(logits)
        top = logits.max(1, keepdims=True)
        sums = np.log(np.exp(logits - top, dtype=np.float64).sum(1)) + top[:, 0]
        found[start:end] = logits[np.arange(len(logits)), list(tokens[start + 1 : end + 1])] - sums
        start = end
    return found[first - 1 :].astype(np.float32)
