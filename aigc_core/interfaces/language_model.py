"""The contract of a language model: a generator that takes a prompt, speaks token by token, and scores text.

Nothing here imports torch or numpy: an engine that needs neither must not pay for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from aigc_core.interfaces.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

GREEDY = 0.0
"""The temperature at which the likeliest token is taken and no noise is used."""


class Request(NamedTuple):
    """One text that is asked for."""

    tokens: tuple[int, ...]
    """The prompt, as ``LanguageModel.encode`` or ``render`` gave it: at least one token."""
    options: Mapping[str, Any]
    """The model's options, checked against their schema, without ``prompt``."""
    uniform: np.ndarray
    """The noise, float32 in [0, 1), shape (t,): the new token at position *p* is chosen by ``uniform[p]`` alone."""


class Piece(NamedTuple):
    """What one step adds to one text."""

    row: int
    """Which request it belongs to: its place in the list, or what ``Desk.add`` returned."""
    text: str
    """What can be shown now: whole graphemes; empty while a character, or a possible stop string, is incomplete."""
    token: int
    """The new token; -1 where the text ended without one."""
    logprob: float
    """ln p of that token under the model's own distribution (temperature 1, no filter), in nats."""
    finish: str
    """Empty while the text goes on; ``stop`` (end of text or a stop string), ``length`` (as many tokens as asked),
    ``context`` (the model can hold no more)."""


class Scores(NamedTuple):
    """What a model says of a text."""

    tokens: tuple[int, ...]
    """The text's tokens, what the tokenizer puts before it included."""
    logprobs: np.ndarray
    """ln p(token t | tokens before t) in nats, float32; one fewer than tokens: nothing stands before the first."""


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    """``system``, ``user`` or ``assistant``."""
    content: str


class Desk(Protocol):
    """Texts that are being written side by side; each can come and go at any step (continuous batching)."""

    free: int
    """How many more can be added now."""

    def add(self, request: Request, like: int | None = None) -> int:
        """Take a request and return its row. ``like`` is a row that was added with the same prompt and has not moved:
        its cache is shared.

        Raises ``WrongUse`` where the prompt or an option cannot be.
        """
        ...

    def step(self) -> list[Piece]:
        """Compute one token for every row, and return a piece for each; rows that finish are free again."""
        ...

    def drop(self, row: int) -> None:
        """Forget a row that nobody waits for any more."""
        ...


@runtime_checkable
class LanguageModel(Generator, Protocol):
    """A generator of text that can also stream it, share a prompt between texts, and score what is given."""

    context: int
    """How many tokens a prompt and its continuation may have together; 0 where there is no bound."""

    def encode(self, prompt: str) -> tuple[int, ...]:
        """Return a prompt's tokens, with what the model expects before a text. Raises ``WrongUse`` for an empty one
        where the model has nothing to begin with, and for characters that the model cannot take."""
        ...

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return the tokens of a conversation that the assistant is to go on with, by the model's chat template.

        Raises ``WrongUse`` where the model has none, or its template refuses the messages.
        """
        ...

    def speak(self, requests: Sequence[Request]) -> Iterator[Piece]:
        """Write the texts side by side and yield what each step adds. Equal prompts share one cache.

        Raises ``WrongUse`` before anything is computed where a request cannot be met.
        """
        ...

    def desk(self, rows: int) -> Desk:
        """Return an empty desk for at most ``rows`` texts at once."""
        ...

    def score(self, text: str) -> Scores:
        """Return the log-probability of every token of a text, in windows of the context where it is longer.

        Raises ``WrongUse`` for a text of no tokens.
        """
        ...

    def environment(self) -> dict[str, str | int]:
        """Return what else the numbers depend on, for the receipt: the versions of what computes, and ``threads``."""
        ...


@runtime_checkable
class Engines(Protocol):
    """A generator class whose models more than one engine can compute, or more than one type of number."""

    engines: Mapping[str, tuple[str, ...]]
    """The types that each engine computes in, such as ``{"native": ("float32", "int8")}``."""

    @classmethod
    def open(
        cls,
        config: Mapping[str, Any],
        weights: Mapping[str, Path],
        device: str,
        engine: str = "auto",
        dtype: str = "auto",
        threads: int = 0,
    ) -> Generator:
        """Open as ``Generator.open`` does, by the engine that is named; ``auto`` takes the fastest that can.

        ``threads`` 0 is as many as the machine has cores for. Raises ``WrongUse`` for an engine or type that the model
        has not, ``NotAvailable`` for one that is not installed, with the command that installs it.
        """
        ...
