"""Texts as numbers: by character, or by byte of UTF-8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from aigc_core.errors import WrongUse
from aigc_core.train.data.fields import choice, only


class Tokenizer(Protocol):
    """Turns texts into ids from 0 up and back."""

    size: int
    """How many ids there are."""
    vocabulary: str | None
    """The characters by id, or None where ids are bytes."""

    def encode(self, text: str) -> np.ndarray:
        """Return a text's ids, in the smallest signed or 8-bit type that holds them all."""
        ...

    def decode(self, ids: Iterable[int]) -> str: ...


class Characters:
    """A character's id is its place in the vocabulary."""

    def __init__(self, vocabulary: str) -> None:
        self.vocabulary: str | None = vocabulary
        self.size = len(vocabulary)
        self._points = _points(vocabulary)
        self._type = np.uint8 if self.size <= 1 << 8 else np.int16 if self.size <= 1 << 15 else np.int32
        self._ids = np.full(int(self._points.max(initial=0)) + 2, -1, np.int32)  # the last: any point beyond
        self._ids[self._points] = np.arange(self.size)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Characters:
        """Take the characters of texts, sorted by code point."""
        return cls("".join(sorted(set().union(*texts))))

    def encode(self, text: str) -> np.ndarray:
        """Return a text's ids. Raises ``WrongUse`` where a character has none."""
        ids = self._ids[np.minimum(_points(text), len(self._ids) - 1)]
        if (unknown := np.flatnonzero(ids < 0)).size:
            raise WrongUse(f"The vocabulary has no character {text[unknown[0]]!r}.")
        smallest: np.ndarray = ids.astype(self._type)
        return smallest

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(str(self.vocabulary)[index] for index in ids)


class Bytes:
    """A byte's id is its value; any text can be encoded."""

    size = 256
    vocabulary: str | None = None

    def encode(self, text: str) -> np.ndarray:
        return np.frombuffer(bytearray(text.encode()), np.uint8)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text; bytes that are no UTF-8 become U+FFFD."""
        return bytes(ids).decode(errors="replace")


def tokenizer(spec: Mapping[str, Any], texts: Iterable[str]) -> Tokenizer:
    """Return what ``{"kind": "characters"}`` or ``{"kind": "bytes"}`` declares. Raises ``WrongUse``."""
    only(spec, ["kind"], "data.tokenizer")
    kind = choice(spec, "kind", ["characters", "bytes"], "data.tokenizer")
    return Characters.of(texts) if kind == "characters" else Bytes()


def _points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
