"""The contract of an engine: tokens in, logits out, with a cache. Numpy at this border, whatever computes behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np


class Cache(Protocol):
    """What an engine remembers of the texts that are being written: one row a text."""

    def feed(self, row: int, tokens: Sequence[int]) -> np.ndarray:
        """Append tokens (at least one) to a row; return the logits (vocabulary,), float32, of the last's successor."""
        ...

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
        """Append one token to each row; return logits (len(rows), vocabulary), float32, that the caller may change.

        Rows are different ones and have been fed. What a row gets depends on its own tokens and ``len(rows)`` alone.
        """
        ...

    def share(self, source: int, target: int) -> None:
        """Let the empty row ``target`` hold what ``source`` holds."""
        ...

    def clear(self, row: int) -> None:
        """Empty a row."""
        ...

    def length(self, row: int) -> int:
        """Return how many tokens a row holds."""
        ...


class Engine(Protocol):
    """A model that is ready to compute."""

    name: str
    """``native``, ``compiled``, ``gguf``, ``ct2``, ``transformers`` or ``recurrent``."""
    dtype: str
    """What the weights are computed in: ``float32``, ``bfloat16``, ``int8`` or ``int4``."""
    context: int
    """How many tokens a row can hold; 0 where there is no bound."""
    vocabulary: int
    """How many logits there are."""

    def cache(self, rows: int, length: int) -> Cache:
        """Return an empty cache of ``rows`` rows of up to ``length`` tokens each."""
        ...

    def logits(self, tokens: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the logits (n, vocabulary), float32, of every token's successor in order, some tokens at a time."""
        ...

    def environment(self) -> dict[str, str | int]:
        """Return versions of what computes, and ``threads``."""
        ...


@runtime_checkable
class Writer(Protocol):
    """An engine that has no cache to step: it writes whole texts by itself, greedily alone (CTranslate2)."""

    def write(self, prompts: Sequence[Sequence[int]], new: int, ends: frozenset[int]) -> list[list[tuple[int, float]]]:
        """Return each prompt's greedy continuation: up to ``new`` tokens with their log-probabilities.

        A text ends after the first of ``ends``, which is in it.
        """
        ...
