"""What changes a row of logits by the tokens before it: penalties, biases and forbidden repetitions."""

from __future__ import annotations

import numpy as np

from aigc_text.generate.settings import Settings


def penalised(logits: np.ndarray, tokens: np.ndarray, new: int, settings: Settings) -> np.ndarray:
    """Return logits (vocabulary,), float32, with every penalty and bias; the given ones stay as they are.

    ``tokens`` (t,) is the text so far, int64, of which the last ``new`` are no prompt. Without anything to change,
    ``logits`` itself is returned.
    """
    if not settings.penalises:
        return logits
    changed: np.ndarray = logits.copy()
    with np.errstate(over="ignore"):  # a penalty beyond float32 ends at infinity, which is what it means
        if settings.repetition_penalty != 1:
            _repetition(changed, tokens, settings.repetition_penalty)
        if new and (settings.presence_penalty or settings.frequency_penalty):
            _presence(changed, tokens[-new:], settings.presence_penalty, settings.frequency_penalty)
        for token, bias in settings.logit_bias:
            changed[token] += bias
    if settings.no_repeat_ngram:
        changed[_completing(tokens, settings.no_repeat_ngram)] = -np.inf
    return changed


def _repetition(logits: np.ndarray, tokens: np.ndarray, penalty: float) -> None:
    """Make every token of the text, the prompt included, less likely (arXiv 1909.05858)."""
    found = logits[tokens].astype(np.float64)  # a token that occurs twice is still penalised once
    logits[tokens] = np.where(found < 0, found * penalty, found / penalty)


def _presence(logits: np.ndarray, tokens: np.ndarray, presence: float, frequency: float) -> None:
    """Subtract ``presence`` once, and ``frequency`` for each time, from every token that was written."""
    found, counts = np.unique(tokens, return_counts=True)
    logits[found] -= presence + frequency * counts


def _completing(tokens: np.ndarray, size: int) -> np.ndarray:
    """Return the tokens that would complete a sequence of ``size`` tokens that the text already has."""
    last = len(tokens) - size + 1  # how many such sequences there are
    if last <= 0:
        return tokens[:0]
    same = np.ones(last, bool)
    for place in range(size - 1):
        same &= tokens[place : place + last] == tokens[last + place]
    found: np.ndarray = tokens[size - 1 :][same]
    return found
