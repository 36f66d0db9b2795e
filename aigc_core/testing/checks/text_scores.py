"""X1 to X3: what a language model says of how likely texts are."""

from __future__ import annotations

import math

from aigc_core.errors import WrongUse
from aigc_core.testing.speaking import language, options_of, some_text
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import noise, spoken
from aigc_core.testing.verdict import Broken, Skipped

_CLOSE = 1e-3
"""Nats; a step with a cache and a pass without one add in another order."""
_SIGNS = [*map(chr, range(32, 127)), "\n"]


def causal(subject: ModelSubject) -> None:
    """X1: the log-probabilities of a text, and of its first half and third, where their tokens agree."""
    model, text = language(subject), some_text(subject)
    whole = model.score(text)
    for part in (text[: len(text) // 2], text[: len(text) // 3], text[:-1]):
        if not part:
            continue
        try:
            found = model.score(part)
        except WrongUse:
            continue
        same = 0
        while same < len(found.tokens) and found.tokens[same] == whole.tokens[same]:
            same += 1
        for at in range(min(same - 1, len(found.logprobs))):
            if abs(float(found.logprobs[at]) - float(whole.logprobs[at])) > _CLOSE:
                raise Broken(
                    f"ln p of token {at + 1} is {found.logprobs[at]:.5f} where the text ends after {len(part)} "
                    f"characters, and {whole.logprobs[at]:.5f} where it goes on.",
                    "Mask what follows: position t may see no more than 0 to t.",
                    text=text,
                    position=at + 1,
                )


def sums(subject: ModelSubject) -> None:
    """X2: each spoken token's ``logprob`` against ``score`` of the whole text, where their tokens agree."""
    model, options = subject.model, options_of(subject)
    if "prompt" in subject.facts:  # what begins an empty one may stand in no text
        options["prompt"] = some_text(subject)[:4]
    (row,) = spoken(model, noise(model, range(1)), options)
    new = [piece for piece in row if piece.token >= 0]
    text = str(options.get("prompt", "")) + "".join(piece.text for piece in row)
    if not text:
        raise Skipped("the text that it speaks is empty")
    tokens = (*language(subject).encode(str(options.get("prompt", ""))), *(piece.token for piece in new))
    scores = language(subject).score(text)
    first, compared = len(tokens) - len(new), 0
    for at, piece in enumerate(new, first):
        if at >= len(scores.tokens) or scores.tokens[: at + 1] != tokens[: at + 1]:
            break
        compared += 1
        if abs(float(scores.logprobs[at - 1]) - piece.logprob) > _CLOSE:
            raise Broken(
                f"While it speaks, ln p of token {at} is {piece.logprob:.5f}; "
                f"score says {float(scores.logprobs[at - 1]):.5f}.",
                "A Piece's logprob is at temperature 1, before any filter and penalty.",
                text=text,
                position=at,
            )
    if not compared:
        raise Skipped("the text that it speaks is written with other tokens when it is scored")


def normalised(subject: ModelSubject) -> None:
    """X3: the sum of p over those next tokens that one more character makes, after a beginning of one text."""
    model, text = language(subject), some_text(subject)
    before = text[: max(1, len(text) // 2)]
    tokens, total, seen = model.score(before).tokens, 0.0, set()
    for sign in dict.fromkeys([*_SIGNS, *text]):
        try:
            scores = model.score(before + sign)
        except WrongUse:
            continue
        if float(max(scores.logprobs)) > 1e-5:
            raise Broken(
                f"A log-probability is {float(max(scores.logprobs)):.5f}, above 0.",
                "Take log_softmax of the logits.",
                text=before + sign,
            )
        last = scores.tokens[-1]
        if scores.tokens[:-1] == tokens and last not in seen:
            seen.add(last)
            total += math.exp(float(scores.logprobs[-1]))
    if total > 1 + _CLOSE:
        raise Broken(
            f"After {before!r}, the probabilities of {len(seen)} next tokens add up to {total:.5f}.",
            "Take log_softmax over the whole vocabulary.",
        )
