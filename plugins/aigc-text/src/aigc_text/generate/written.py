"""Whole texts from an engine that writes them by itself, as the pieces that a desk would have given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aigc_core.interfaces.language_model import Piece, Request
from aigc_text.engines.engine import Engine, Writer
from aigc_text.generate.rows import Row
from aigc_text.generate.settings import Settings
from aigc_text.generate.stops import Stops
from aigc_text.tokens.shown import Shown
from aigc_text.tokens.tokenizer import Tokenizer


def written(engine: Engine, writer: Writer, tokenizer: Tokenizer, requests: Sequence[Request]) -> Iterator[Piece]:
    """Yield the greedy continuation of each prompt, one text after the other. Raises ``WrongUse`` at once where a
    request cannot be met, or is not greedy."""
    for request in requests:
        Row(request, tokenizer, engine.context, engine.vocabulary)  # raises what a row of a desk would
    settings = [Settings.of(request.options) for request in requests]
    new = [one.max_new_tokens for one in settings]
    if engine.context:
        new = [min(most, engine.context - len(one.tokens)) for most, one in zip(new, requests, strict=True)]
    return _pieces(writer, tokenizer, requests, settings, new)


def _pieces(
    writer: Writer, tokenizer: Tokenizer, requests: Sequence[Request], settings: Sequence[Settings], new: list[int]
) -> Iterator[Piece]:
    texts = writer.write([request.tokens for request in requests], max(new, default=0), tokenizer.ends)
    for row, (text, own, most) in enumerate(zip(texts, settings, new, strict=True)):
        shown, stops = Shown(tokenizer), Stops(own.stop)
        for place, (token, logprob) in enumerate(text[:most], start=1):
            ended = token in tokenizer.ends
            part, stopped = stops.add("" if ended else shown.add(token))
            finish = "stop" if ended or stopped else ""
            if not finish and place == most:
                finish = "length" if most == own.max_new_tokens else "context"
            if finish and not stopped:
                last, stopped = stops.add(shown.flush())
                part += last + ("" if stopped else stops.flush())
            yield Piece(row, part, token, logprob, finish)
            if finish:
                break
