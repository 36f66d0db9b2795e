"""Texts that are written side by side by one engine, each in a row of its cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aigc_core.errors import WrongUse, ZooError
from aigc_core.interfaces.language_model import Piece, Request
from aigc_text.engines.engine import Engine
from aigc_text.generate.rows import Row
from aigc_text.tokens.tokenizer import Tokenizer

_DUMMY = 0
"""What a finished row of a steady desk goes on with: any token that every model has."""


class RowFailed(ZooError):
    """One text cannot go on, for the reason in ``cause``; its row is free again and the others are as they were."""

    def __init__(self, row: int, cause: Exception) -> None:
        super().__init__(str(cause), getattr(cause, "hint", ""))
        self.row, self.cause = row, cause
        self.exit_code = getattr(cause, "exit_code", ZooError.exit_code)


class Desk:
    """Implements ``aigc_core.interfaces.language_model.Desk`` over an engine's cache.

    ``rows`` is for how many texts there is room, ``length`` how many tokens each may have with its prompt (0: as many
    as the engine can hold). A ``steady`` desk is filled before its first step, and then computes all its rows until
    the last text ends: a text's numbers do not depend on when another one ends.
    """

    def __init__(self, engine: Engine, tokenizer: Tokenizer, rows: int, steady: bool = False, length: int = 0) -> None:
        self.free = rows
        self.slid: dict[int, int] = {}
        """How many of its oldest tokens each text on the desk has lost; a finished text's stay until the next step."""
        self._tokenizer, self._steady, self._vocabulary = tokenizer, steady, engine.vocabulary
        self._limit = min(length, engine.context) if length and engine.context else length or engine.context
        self._cache = engine.cache(rows, self._limit)
        self._slots = set(range(rows))  # of the cache, that nothing lies in
        self._rows: dict[int, tuple[int, Row]] = {}  # by its number: the slot in the cache, and the text
        self._ended: set[int] = set()  # slots that a steady desk still computes
        self._next, self._begun = 0, False
        self._pieces: list[Piece] = []
        self._failed: list[RowFailed] = []

    def add(self, request: Request, like: int | None = None) -> int:
        """Take a request and return its number, which no other text on this desk ever has. Its prompt is computed here,
        or shared with ``like``'s where that has the same one and has not moved.

        Raises ``WrongUse`` before anything is computed where the prompt or an option cannot be, where noise is
        missing, and where no row is free.
        """
        row = Row(request, self._tokenizer, self._limit, self._vocabulary)
        if not self._slots:
            raise WrongUse("No row of the desk is free.")
        if self._steady and self._begun:
            raise WrongUse("A steady desk takes no text while it writes others.")
        slot = min(self._slots)
        source = None if like is None else self._rows.get(like)
        try:
            if source and source[1].tokens == row.tokens:  # one that has moved has more of them
                self._cache.share(source[0], slot)
                row.logits = source[1].logits
            else:
                row.logits = np.array(self._cache.feed(slot, row.tokens.tolist()), np.float32)
        except BaseException:
            self._cache.clear(slot)
            raise
        self._slots.remove(slot)
        self.free -= 1
        number, self._next = self._next, self._next + 1
        self._rows[number], self.slid[number] = (slot, row), row.lost
        return number

    def step(self) -> list[Piece]:
        """Compute one token for every text and return a piece for each, in the order of their numbers.

        Raises ``RowFailed`` for a text that cannot go on; the next call then returns the others' pieces.
        """
        if not self._failed and not self._pieces:
            self._compute()
        if self._failed:
            raise self._failed.pop(0)
        pieces, self._pieces = self._pieces, []
        return pieces

    def drop(self, row: int) -> None:
        """Forget a text; nothing happens where it has ended."""
        self._pieces = [piece for piece in self._pieces if piece.row != row]
        if row in self._rows:
            self._leave(row)

    def _compute(self) -> None:
        """Let every text take its next token: by the logits it waits with, or by those of one step for all others."""
        self.slid = {number: row.lost for number, (_, row) in self._rows.items()}
        self._begun = bool(self._rows)
        moved = self._moved()
        for number, (slot, row) in list(self._rows.items()):
            try:
                piece = row.take(number, moved[slot] if row.logits is None else row.logits)
            except Exception as error:  # whatever it is, it is this text's alone
                self._fail(number, error)
                continue
            self._pieces.append(piece)
            if piece.finish:
                self._leave(number)

    def _moved(self) -> dict[int, np.ndarray]:
        """Return, by slot, the logits after each text's last token; texts that wait with logits do not move."""
        last: dict[int, int] = {}
        for number, (slot, row) in list(self._rows.items()):
            if row.logits is None:
                try:
                    if self._full(slot):
                        self._refill(slot, row.slide()[:-1])
                        self.slid[number] = row.lost
                    last[slot] = row.tokens[-1]
                except Exception as error:
                    self._fail(number, error)
        if not last:
            return {}
        for slot in self._ended:
            if self._full(slot) or not self._cache.length(slot):
                self._refill(slot, [_DUMMY])
            last[slot] = _DUMMY
        slots = sorted(last)
        logits = self._cache.step(slots, [last[slot] for slot in slots])
        return dict(zip(slots, logits, strict=True))

    def _full(self, slot: int) -> bool:
        return bool(self._limit) and self._cache.length(slot) >= self._limit

    def _refill(self, slot: int, tokens: Sequence[int]) -> None:
        self._cache.clear(slot)
        self._cache.feed(slot, tokens)

    def _fail(self, number: int, error: Exception) -> None:
        self._leave(number)
        self._failed.append(RowFailed(number, error))

    def _leave(self, number: int) -> None:
        """Take a text off the desk; a steady one goes on with its slot until all texts have left."""
        slot, _ = self._rows.pop(number)
        self._ended.add(slot)
        if self._steady and self._begun and self._rows:
            return
        for slot in self._ended:
            self._cache.clear(slot)
        self.free += len(self._ended)
        self._slots |= self._ended
        self._ended.clear()
        self._begun = False
