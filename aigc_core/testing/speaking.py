"""What the clauses of language models share: a text to score, requests, tokens."""

from __future__ import annotations

from typing import Any

from aigc_core.interfaces.language_model import Piece, Request
from aigc_core.manifest.options import check
from aigc_core.run import speak
from aigc_core.run.model import Model
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import noise, prompt, spoken, usual
from aigc_core.testing.verdict import Skipped


def language(subject: ModelSubject) -> Any:
    """Return the language model itself."""
    return subject.model.language


def options_of(subject: ModelSubject) -> dict[str, Any]:
    """Return options with which it soon ends."""
    return usual(subject.model)


def requests(subject: ModelSubject, count: int, options: dict[str, Any]) -> list[Request]:
    """Return what asks for the first texts of seed 0."""
    model: Model = subject.model
    asked = check(dict(options), model.manifest.options, model.manifest.id)
    return speak.requests(model, speak.encoded(model, str(asked.get("prompt", ""))), 0, range(count), asked)


def some_text(subject: ModelSubject) -> str:
    """Return a text that the model can score: what it says itself after its usual prompt."""
    model, options = subject.model, options_of(subject)
    for row in spoken(model, noise(model, range(8)), options):
        text = prompt(model) + "".join(piece.text for piece in row)
        if len(text) > 5:
            return text
    raise Skipped("its texts have five characters at most")


def tokens_of(row: list[Piece]) -> list[int]:
    """Return the tokens of a text's pieces."""
    return [piece.token for piece in row if piece.token >= 0]
