"""The contract of a loss: named scalars from named inputs, one entry for each network that it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Loss(Protocol):
    """Says what one network minimises. Logits come in unsquashed, and every form is finite for logits of +-50."""

    networks: Mapping[str, tuple[str, ...]]
    """The inputs that each network's loss needs, such as ``{"generator": ("fake_logits",)}``."""

    def __call__(self, network: str, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return scalars in nats (or in the loss's own unit); ``loss`` is minimised, the others are only reported.

        Raises ``KeyError`` where an input that ``networks`` names is missing.
        """
        ...
