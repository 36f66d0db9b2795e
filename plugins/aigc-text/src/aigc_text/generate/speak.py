"""Requests in, pieces of text out, as ``LanguageModel.speak`` promises them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aigc_core.interfaces.language_model import Piece, Request
from aigc_text.engines.engine import Engine
from aigc_text.generate.desk import Desk, RowFailed
from aigc_text.generate.rows import Row
from aigc_text.tokens.tokenizer import Tokenizer


def speak(engine: Engine, tokenizer: Tokenizer, requests: Sequence[Request]) -> Iterator[Piece]:
    """Write the texts side by side and yield what each step adds; ``Piece.row`` is a request's place in the list.

    Equal prompts are computed once. A cache of one row a request is held until the last text ends, or the iterator is
    closed. Raises ``WrongUse`` at once, before anything is computed, where a request cannot be met.
    """
    rows = [Row(request, tokenizer, engine.context, engine.vocabulary) for request in requests]
    if not rows:
        return iter(())
    return _spoken(engine, tokenizer, list(requests), max(row.length for row in rows))


def _spoken(engine: Engine, tokenizer: Tokenizer, requests: Sequence[Request], length: int) -> Iterator[Piece]:
    desk = Desk(engine, tokenizer, len(requests), steady=True, length=length)
    first: dict[tuple[int, ...], int] = {}
    for request in requests:
        number = desk.add(request, first.get(request.tokens))
        first.setdefault(request.tokens, number)
    while desk.free < len(requests):
        try:
            yield from desk.step()
        except RowFailed as failed:
            raise failed.cause from None
