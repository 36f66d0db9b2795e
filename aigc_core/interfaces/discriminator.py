"""The contract of a discriminator (or critic): samples in, logits out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Discriminator(Protocol):
    """Scores samples. Always logits, never probabilities: a loss squashes them itself, in its stable form."""

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """Map samples of shape (n, ...) in the generator's range to logits of shape (n, 1), unbounded."""
        ...
