"""``aigc-zoo score`` of a language model: how likely it finds a text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from aigc_core.cli.given_text import STDIN, read_text
from aigc_core.cli.opening import Opening
from aigc_core.cli.output import echo_json, finite, printable
from aigc_core.errors import WrongUse
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.interfaces.language_model import Scores
    from aigc_core.run.model import Model

TEXT_BYTES = 64_000_000


def score_text(name: str, file: str, entry: Entry, opening: Opening, as_json: bool) -> None:
    """Score the text in a file and print what comes of it."""
    text = read_text(file, TEXT_BYTES)
    if not text:
        raise WrongUse(f"{'The standard input' if file == STDIN else file} is empty, so there is nothing to score.")
    loaded = opening.load(name, entry, quiet=False)
    scores = scored(loaded, text)
    facts = measures(scores, text)
    if as_json:
        echo_json("score", {**facts, **origin(loaded)})
        return
    shown = "-" if file == STDIN else file
    click.echo(
        printable(
            f"{shown}: {facts['tokens']:,} tokens, {_shown(facts['nats_per_token'])} nats per token, "
            f"{_shown(facts['bits_per_byte'])} bits per byte ({facts['bytes']:,} bytes), by {entry.id}."
        )
    )


def scored(model: Model, text: str) -> Scores:
    """Score a text. Raises ``WrongUse`` where the model cannot, or the text has nothing to score."""
    from aigc_core.run.guarded import guarded
    from aigc_core.run.speak import language_model

    language = language_model(model, "score texts")
    scores: Scores = guarded(model.entry, "score a text with", lambda: language.score(text))
    if not len(scores.logprobs):
        raise WrongUse(f"The text is one token to {model.manifest.id}, and nothing stands before it to tell it by.")
    return scores


def measures(scores: Scores, text: str) -> dict[str, Any]:
    """Return what the scores come to. ``tokens`` counts those with something before them, ``bytes`` the whole text."""
    values = [float(value) for value in scores.logprobs]
    nats, size = -math.fsum(values) if all(map(math.isfinite, values)) else math.inf, len(text.encode())
    return {
        "tokens": len(values),
        "bytes": size,
        "nats_per_token": finite(nats / len(values)),
        "bits_per_byte": finite(nats / math.log(2) / size),
        "token_ids": [int(token) for token in scores.tokens],
        "logprobs": [finite(value) for value in values],
    }


def origin(model: Model) -> dict[str, Any]:
    """Return which model it was, and what computed."""
    from aigc_core.run import receipt as receipts

    return {**receipts.identity(model), "environment": receipts.environment(model)}


def _shown(value: float | None) -> str:
    return "infinitely many" if value is None else f"{value:.4f}"
