"""The contract of a tokenizer, whatever file it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Tokenizer(Protocol):
    """Turns text into tokens, numbers from 0 up, and back."""

    size: int
    """How many tokens there are, those that were added included."""
    ends: frozenset[int]
    """Tokens that end a text, or an assistant's turn: none of them is shown."""

    def encode(self, text: str) -> list[int]:
        """Return exactly the tokens of a text, as transformers' tokenizer does with ``add_special_tokens=False``."""
        ...

    def prompt(self, text: str) -> list[int]:
        """Return a text's tokens as a prompt: with what the tokenizer puts before a text (BOS, [CLS]), and nothing
        after it. An empty text gives the start alone, or no token where there is none."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, special ones left out, as transformers' ``decode(skip_special_tokens=True)``."""
        ...
