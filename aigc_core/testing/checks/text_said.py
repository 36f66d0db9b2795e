"""X4 to X8: what a language model says, and what it says it by."""

from __future__ import annotations

import math

from aigc_core.interfaces.language_model import Piece
from aigc_core.testing.speaking import language, options_of, requests, some_text, tokens_of
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import TOKENS, noise, spoken
from aigc_core.testing.verdict import Broken

_CLOSE = 1e-3
"""Nats."""
_FINISH = ("stop", "length", "context")


def positions(subject: ModelSubject) -> None:
    """X4: two rows of uniforms that agree up to a position speak the same tokens up to there."""
    model, options = subject.model, options_of(subject)
    (name,) = model.generator.noise
    one, other = noise(model, range(2))[name], noise(model, range(2), seed=1)[name]
    changed, at = one.copy(), TOKENS // 2
    changed[:, at:] = other[:, at:]
    first, second = (spoken(model, {name: values}, options) for values in (one, changed))
    later = False
    for row in range(2):
        pairs = [tokens_of(rows[row]) for rows in (first, second)]
        if pairs[0][:at] != pairs[1][:at]:
            raise Broken(
                f"Other noise from position {at} on changes the tokens before: {pairs[0][:at]}, {pairs[1][:at]}.",
                "Choose the token at position p by uniform[p] alone.",
            )
        later = later or pairs[0] != pairs[1] or len(pairs[0]) < at
    if not later and not _same_tail(first):
        raise Broken(
            f"Other noise from position {at} on changes no later token of two texts.",
            "Choose the token at position p by uniform[p].",
        )


def _same_tail(rows: list[list[Piece]]) -> bool:
    """Say whether the model is so sure that noise could not have changed what it said."""
    return all(math.exp(piece.logprob) > 0.99 for row in rows for piece in row)


def greedy(subject: ModelSubject) -> None:
    """X5: at temperature 0, the tokens of two seeds agree, and no other first token tried is likelier."""
    model = subject.model
    options = options_of(subject) | {"temperature": 0}
    first, second = (tokens_of(spoken(model, noise(model, range(1), seed=seed), options)[0]) for seed in (0, 1))
    if first != second:
        raise Broken(
            f"At temperature 0, seeds 0 and 1 say {first} and {second}.",
            "Take the likeliest token, and look at no noise.",
        )
    (row,) = spoken(model, noise(model, range(1)), options)
    drawn = spoken(model, noise(model, range(8)), options_of(subject))
    likeliest = max((each[0] for each in drawn if each), key=lambda piece: piece.logprob, default=row[0])
    if likeliest.logprob > row[0].logprob + _CLOSE:
        raise Broken(
            f"At temperature 0 it says token {row[0].token} with ln p {row[0].logprob:.5f}, and token "
            f"{likeliest.token} has {likeliest.logprob:.5f}.",
            "Take the likeliest token.",
        )


def desk(subject: ModelSubject) -> None:
    """X6: three texts at a desk of two, one of them dropped and added again, against the same spoken together."""
    model, options = subject.model, options_of(subject)
    rows = spoken(model, noise(model, range(3)), options)
    wanted = ["".join(piece.text for piece in row) for row in rows]
    asked = requests(subject, 3, options)
    at = language(subject).desk(2)
    texts: dict[int, str] = {}
    owner: dict[int, int] = {}
    waiting = [0, 1, 2]
    for step in range(10 * TOKENS):
        while waiting and at.free:
            number = waiting.pop(0)
            row = at.add(asked[number])
            owner[row], texts[number] = number, ""
        if not owner:
            break
        for piece in at.step():
            if piece.row not in owner:
                raise Broken(f"A step gives a piece of row {piece.row}, which nobody added.")
            texts[owner[piece.row]] += piece.text
            if piece.finish:
                del owner[piece.row]
        if step == 1 and owner:
            row, number = next(iter(owner.items()))
            at.drop(row)
            del owner[row]
            waiting.append(number)
    for number, text in enumerate(wanted):
        if texts.get(number) != text:
            raise Broken(
                f"At a desk, text {number} is {texts.get(number, '')[:40]!r}; spoken together it is {text[:40]!r}.",
                "Keep each row's cache and place by itself.",
            )


def ends(subject: ModelSubject) -> None:
    """X7: of every row, the last piece has a reason among those that there are, and no other has one."""
    model = subject.model
    for number, row in enumerate(spoken(model, noise(model, range(3)), options_of(subject))):
        reasons = [piece.finish for piece in row]
        if not row or reasons[-1] not in _FINISH or any(reasons[:-1]):
            raise Broken(
                f"The pieces of text {number} end with {reasons[-3:]}.",
                f"The last one has {', '.join(_FINISH)}, no other has any.",
            )


def counts(subject: ModelSubject) -> None:
    """X8: with a prompt, no text has more new tokens than asked for, and one that ends by length has as many."""
    model, options = subject.model, options_of(subject)
    if "prompt" in subject.facts and not options.get("prompt"):
        options["prompt"] = some_text(subject)[:8] or options.get("prompt", "")
    for most in (1, 3, TOKENS):
        for row in spoken(model, noise(model, range(3)), options | {"max_new_tokens": most}):
            number = len(tokens_of(row))
            if number > most or (row and row[-1].finish == "length" and number != most):
                raise Broken(
                    f"Asked for {most} new tokens, it made {number}, and says {row[-1].finish}.",
                    "Count the new tokens alone.",
                )
