"""Texts as numbers: by character, by byte of UTF-8, or as the model does that a training begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from aigc_core.errors import WrongUse
from aigc_core.interfaces.parent import Tokens
from aigc_core.train.data.fields import choice, only


class Tokenizer(Protocol):
    """Turns texts into ids from 0 up and back."""

    size: int
    """How many ids there are."""
    vocabulary: str | None
    """The characters by id, or None where ids are something else."""

    def encode(self, text: str) -> np.ndarray:
        """Return a text's ids, in the smallest signed or 8-bit type that holds them all."""
        ...

    def decode(self, ids: Iterable[int]) -> str: ...

    def marks(self) -> Marks:
        """Return what stands around a document. Raises ``WrongUse`` where the ids have no room for it."""
        ...


class Marks(NamedTuple):
    """What stands around a document."""

    shift: int = 1
    """What is added to a text's ids, to make room for the marks."""
    start: tuple[int, ...] = (0,)
    end: int = 0


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

    def marks(self) -> Marks:
        return Marks()


class Bytes:
    """A byte's id is its value; any text can be encoded."""

    size = 256
    vocabulary: str | None = None

    def encode(self, text: str) -> np.ndarray:
        return np.frombuffer(bytearray(text.encode()), np.uint8)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text; bytes that are no UTF-8 become U+FFFD."""
        return bytes(ids).decode(errors="replace")

    def marks(self) -> Marks:
        return Marks()


class OfModel:
    """The ids are the tokens of the model that a training begins with."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens, self.size, self.vocabulary = tokens, tokens.size, tokens.vocabulary

    def encode(self, text: str) -> np.ndarray:
        return np.array(self.tokens.encode(text), np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        return self.tokens.decode(list(ids))

    def marks(self) -> Marks:
        if self.tokens.end is None:
            text = "The model that this begins with knows no documents: its texts have no end."
            raise WrongUse(text, "Declare data.form.kind windows in the recipe.")
        return Marks(0, tuple(self.tokens.start), self.tokens.end)


def tokenizer(spec: Mapping[str, Any], texts: Iterable[str], model: Tokens | None = None) -> Tokenizer:
    """Return what ``{"kind": "characters"}``, ``"bytes"`` or ``"model"`` declares. Raises ``WrongUse``."""
    only(spec, ["kind"], "data.tokenizer")
    kind = choice(spec, "kind", ["characters", "bytes", "model"], "data.tokenizer")
    if kind == "model":
        if model is None:
            text = (
                "data.tokenizer in the recipe is that of the model that it begins with, and there is none that has one."
            )
            raise WrongUse(text, "Name the model: aigc-zoo train RECIPE --from MODEL")
        return OfModel(model)
    return Characters.of(texts) if kind == "characters" else Bytes()


def _points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
