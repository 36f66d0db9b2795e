"""The contract of what a training takes from the model that it begins with: ``train --from``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import torch


class Tokens(Protocol):
    """A model's own tokenizer, as its training data need it."""

    size: int
    """How many tokens there are."""
    vocabulary: str | None
    """The characters, where tokens are characters."""
    start: tuple[int, ...]
    """What stands before a document's first token."""
    end: int | None
    """What stands after its last; None where the model knows no documents."""

    def encode(self, text: str) -> Sequence[int]:
        """Return the tokens of a text and nothing around them. Raises ``WrongUse`` where it cannot be written."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        ...


class Parent(Protocol):
    """A component of the kind ``parents``, by the name of an architecture.

    Without one, a model's config is that of its manifest, its weights are a safetensors file with the network's names,
    and it has no tokenizer.
    """

    config: Mapping[str, Any]
    """What the network of that name is built with."""
    tokens: Tokens | None
    beside: Sequence[str]
    """Which of the model's files the one that is trained from it needs too, such as its tokenizer's."""

    @classmethod
    def open(cls, config: Mapping[str, Any], files: Mapping[str, Path]) -> Parent:
        """Take what a generator's ``open`` takes; ``files`` are verified. Raises ``Refused`` and ``NotAvailable``."""
        ...

    def load(self, build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        """Return the network that ``build`` makes, with the model's weights, strictly. Raises ``Refused``."""
        ...
