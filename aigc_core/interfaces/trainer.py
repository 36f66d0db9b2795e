"""The contract of a trainer: one family's update step, and nothing of the loop around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


class TrainerState(NamedTuple):
    """Everything that the next step depends on, as tensors (to safetensors) and JSON; never a pickle."""

    tensors: dict[str, torch.Tensor]
    json: dict[str, Any]


@runtime_checkable
class Trainer(Protocol):
    """Owns zeroing, detaching and stepping. Data, devices, precision, checkpoints and progress belong to the loop.

    Each loss's gradient reaches only its own network: the discriminator's part of a step leaves the generator without
    gradient and with unchanged weights, the generator's part leaves the discriminator's gradients and weights as they
    were. A batch of any size from 1 up is taken.

    Randomness inside a step comes from the global generator, which the loop seeds from (seed, step) before each step:
    so a step is a function of state, batch, seed and step number, and there is no random state to store.
    """

    networks: Mapping[str, torch.nn.Module]
    """The trained networks by name, such as generator and discriminator."""

    def step(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Update every network once and return the losses' named scalars, as ``network/name``, detached."""
        ...

    def state(self) -> TrainerState:
        """Return the whole state: weights, buffers, optimizers. Tensors are the live ones, not copies."""
        ...

    def load_state(self, state: TrainerState) -> None:
        """Restore what ``state`` returned, exactly. Raises ``ValueError`` on any missing, extra or misshapen entry."""
        ...
