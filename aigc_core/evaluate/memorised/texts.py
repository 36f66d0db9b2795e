"""Copies among texts: samples that share a longer passage with the training texts than held-out texts ever do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from aigc_core.evaluate.memorised.suffixes import DEPTH, Suffixes
from aigc_core.interfaces.metric import Direction, Measured

LEVEL = 0.005 / 3
"""The share of held-out texts that may lie beyond a bar: of three signs together 0.5 %, and less for the fifth."""
BEYOND = 0.2
"""Of few held-out texts the greatest overlap is an uncertain bar; a copy lies far beyond it."""
GRAM = 20
"""Characters of the passages that ``containment`` counts."""
BORDER = "\0"
"""Stands before and after every text, so that a whole short one differs from a part of a long one."""
_SHOWN = 10


class Overlap(NamedTuple):
    """What a text shares with the training texts."""

    longest: int
    """Characters of the longest passage that stands in a training text, borders included."""
    share: float
    """That passage's part of the whole."""
    contained: float
    """The part of the passages of ``GRAM`` characters that stand in a training text; 0 of a shorter text."""
    at: int = 0
    """Where the longest passage begins."""


class MemorisedTexts:
    """How many samples are flagged as copies, and how much of them stands in the training texts.

    Case and spaces do not count. Three signs are looked at: the longest verbatim passage, which part of the text that
    is, and how many of its passages of 20 characters stand in the training texts, as in the n-gram overlap of arXiv
    2005.14165 (appendix C). A text is flagged where one of them lies beyond that of nearly all held-out texts, by a
    fifth: of the length, or of the way that is left to 1. ``longest`` is the mean of the first, ``containment`` of the
    third. Texts are looked at to their 500th character.
    """

    needs = ("texts", "real_texts", "training_texts")
    values: ClassVar[Mapping[str, Direction]] = {"flagged": "lower", "longest": "lower", "containment": "lower"}
    estimator = "fifth-beyond.20-characters"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of fewer than 50 held-out texts, whose greatest overlap says little of the usual."""
        import numpy as np

        texts, held_out = ([plain(text) for text in inputs[name]] for name in ("texts", "real_texts"))
        if len(held_out) < 50 or not texts or not inputs["training_texts"]:
            return Measured(dict.fromkeys(self.values, float("nan")), "it takes 50 held-out texts")
        known = index_of(inputs["training_texts"])
        found, usual = ([overlap(text, known) for text in each] for each in (texts, held_out))
        longest, *shares = (_bar([each[sign] for each in usual]) for sign in range(3))
        bars = [(1 + BEYOND) * longest, *(share + BEYOND * (1 - share) for share in shares)]
        flagged = [row for row, each in enumerate(found) if any(a > b for a, b in zip(each[:3], bars, strict=False))]
        shown = sorted(flagged, key=lambda row: (-found[row].longest, row))[:_SHOWN]
        details = {
            "bars": dict(zip(Overlap._fields, bars, strict=False)),
            "rows": flagged,
            "expected": 3 * LEVEL * len(found),
            "passages": [{"sample": row, **_passage(texts[row], found[row])} for row in shown],
        }
        values = {
            "flagged": len(flagged) / len(found),
            "longest": float(np.mean([each.longest for each in found])),
            "containment": float(np.mean([each.contained for each in found])),
        }
        return Measured(values, "", details)


def plain(text: str) -> str:
    """Return a text in lower case with single spaces and its borders, as far as it is looked at."""
    return f"{BORDER}{' '.join(text.replace(BORDER, ' ').lower().split())}{BORDER}"[: DEPTH - 12]


def index_of(texts: Sequence[str]) -> Suffixes:
    """Return what finds passages in training texts; a passage never goes from one text into the next."""
    return Suffixes(
        BORDER + BORDER.join(" ".join(text.replace(BORDER, " ").lower().split()) for text in texts) + BORDER
    )


def overlap(text: str, known: Suffixes) -> Overlap:
    """Return what a text, as ``plain`` gives it, shares with the training texts."""
    best = at = 0
    for start in range(len(text)):
        if len(text) - start <= best:
            break
        inside = text.find(BORDER, start + 1)
        passage = text[start : inside + 1] if inside >= 0 else text[start:]
        if (length := known.longest(passage, best)) > best:
            best, at = length, start
    places = range(1, len(text) - GRAM)
    contained = sum(known.has(text[start : start + GRAM]) for start in places) / len(places) if places else 0.0
    return Overlap(best, best / len(text), contained, at)


def _bar(values: Sequence[float]) -> float:
    """Return what all but ``LEVEL`` of the values, rounded down to whole ones, do not exceed."""
    return sorted(values)[len(values) - 1 - int(LEVEL * len(values))]


def _passage(text: str, found: Overlap) -> dict[str, Any]:
    return {"longest": found.longest, "text": text[found.at : found.at + found.longest].strip(BORDER)}
