"""Variety of texts: distinct n-grams, BLEU of each against the others, repetition inside one; all at a fixed length."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aigc_core.interfaces.metric import Direction, Measured

LENGTH = 40
"""A text is looked at to its 40th word: longer ones would look less varied for their length alone."""
REFERENCES = 200
"""BLEU is taken against at most so many of the other texts."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Return a text's words and signs in lower case; of scripts without spaces, each character."""
    return _WORD.findall(text.lower())


class Distinct:
    """How many of all n-grams are different ones, for n of 1 and 2 (arXiv 1510.03055, section 4.3).

    The share falls with the number of texts, so it compares at one number alone, which is in the score's id.
    """

    needs = ("texts",)
    values: ClassVar[Mapping[str, Direction]] = {"distinct-1": "higher", "distinct-2": "higher"}
    estimator = f"first-{LENGTH}-words"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN where no text has a word, or for 2 none has two."""
        cut = [words(text)[:LENGTH] for text in inputs["texts"]]
        values = {f"distinct-{n}": _share([gram for each in cut for gram in grams(each, n)]) for n in (1, 2)}
        return Measured(values, "" if all(map(math.isfinite, values.values())) else "the texts have too few words")


class Repetition:
    """The share of a text's 4-grams that stood in it before, the mean over texts (arXiv 1908.04319, section 6)."""

    needs = ("texts",)
    values: ClassVar[Mapping[str, Direction]] = {"repetition": "lower"}
    estimator = f"4-grams.first-{LENGTH}-words"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure, over texts of four words and more; NaN where there are none."""
        shares = [_share(grams(words(text)[:LENGTH], 4)) for text in inputs["texts"]]
        found = [1 - share for share in shares if not math.isnan(share)]
        if not found:
            return Measured({"repetition": math.nan}, "no text has four words")
        return Measured({"repetition": math.fsum(found) / len(found)})


class SelfBleu:
    """BLEU-4 of each text with the others as its references, the mean over texts (arXiv 1802.01886, section 2.2).

    BLEU is that of Papineni et al. (ACL 2002), with one added to the counts of 2-grams and more (Lin and Och, ACL
    2004), for short texts often share no 4-gram. Of more than 201 texts, the references are 200 that stand beside it.
    """

    needs = ("texts",)
    values: ClassVar[Mapping[str, Direction]] = {"self-bleu": "lower"}
    estimator = f"bleu4.add1.first-{LENGTH}-words"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of fewer than two texts with a word."""
        cut = [found for text in inputs["texts"] if (found := words(text)[:LENGTH])]
        if len(cut) < 2:
            return Measured({"self-bleu": math.nan}, "it takes two texts with words")
        counted = [[Counter(grams(each, n)) for n in range(1, 5)] for each in cut]
        scores: list[float] = []
        for place, each in enumerate(cut):
            others = [(place + step) % len(cut) for step in range(1, min(len(cut), REFERENCES + 1))]
            scores.append(bleu(len(each), counted[place], [(len(cut[at]), counted[at]) for at in others]))
        return Measured({"self-bleu": math.fsum(scores) / len(scores)})


def bleu(
    length: int, counts: Sequence[Counter[Any]], references: Sequence[tuple[int, Sequence[Counter[Any]]]]
) -> float:
    """Return the smoothed BLEU-4 in [0, 1] of a text of ``length`` words with its n-grams counted, n = 1 to 4."""
    logs = []
    for n, own in enumerate(counts):
        matches = sum(min(count, max(known[n][gram] for _, known in references)) for gram, count in own.items())
        total, added = sum(own.values()), int(n > 0)
        if not matches + added or not total + added:
            return 0.0
        logs.append(math.log((matches + added) / (total + added)))
    nearest = min((abs(size - length), size) for size, _ in references)[1]
    return math.exp(min(0.0, 1 - nearest / length) + math.fsum(logs) / 4)


def grams(found: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Return the n-grams of words, in order."""
    return [tuple(found[at : at + n]) for at in range(len(found) - n + 1)]


def _share(found: Sequence[Any]) -> float:
    return len(set(found)) / len(found) if found else math.nan
