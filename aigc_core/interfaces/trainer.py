"""The contract of a trainer: the mathematics of one family's update step, and nothing of the loop around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from aigc_core.interfaces.generator import NoiseSpec

if TYPE_CHECKING:
    import torch

    from aigc_core.interfaces.loss import Loss

    Batch = Mapping[str, torch.Tensor]
    Terms = dict[str, torch.Tensor]


class TrainerState(NamedTuple):
    """What the next step depends on beyond networks and optimizers, as tensors (to safetensors) and JSON."""

    tensors: dict[str, torch.Tensor]
    json: dict[str, Any]


class Trainer(ABC):
    """Says what each network minimises, and when. Subclass it; only ``roles`` and ``step`` have no default.

    The core builds the networks, owns optimizers, schedules, precision, accumulation, clipping, averaging, ranks,
    checkpoints and progress, and differentiates each loss by its own network's parameters alone: so a discriminator's
    loss cannot reach the generator, whatever a trainer forgets to detach.

    Randomness inside a step comes from the global generators of torch, numpy and Python, which the loop seeds from
    (seed, step) before each step: a step is a function of state, batch, seed and step number, and there is no random
    state to store.
    """

    roles: ClassVar[Mapping[str, str]]
    """Every network by its role, with the kind of component that fills it: ``{"generator": "networks"}``.

    The first is the model that ships.
    """
    noise: Mapping[str, NoiseSpec] = {}
    """What is drawn for each row of a batch; the core draws it, so that ranks and parts of a batch share one draw."""
    taken: int = 0
    """How many steps have been taken before this one; the core keeps it, for what changes as a training goes on."""
    networks: dict[str, torch.nn.Module]
    """The networks by role. Call them through here each time: the core may put a wrapped one in place."""

    def __init__(self, networks: Mapping[str, torch.nn.Module], losses: Mapping[str, Loss]) -> None:
        """Take what the recipe names; a trainer with values of its own takes its ``trainer.config`` as keywords.

        Raises ``ValueError`` for a value that cannot be.
        """
        self.networks = dict(networks)

    @abstractmethod
    def step(self, batch: Batch, noise: Batch) -> Iterator[dict[str, Terms]]:
        """Yield, for each update of the step in order, the terms of every network that it updates, by role.

        ``loss`` among a network's terms is minimised by it, the others are only reported; all are means over the rows.
        When the generator is resumed, those networks have been updated. A batch has from 1 row up; ``noise`` holds as
        many rows. Under ``no_grad`` and in eval mode, a step only measures.
        """
        ...

    def weight(self, batch: Batch) -> float:
        """Return how many things the terms are means over: rows, unless a row can hold more than one."""
        return float(len(next(iter(batch.values()))))

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` where the networks cannot fit the data; ``shapes`` are those of one row's tensors.

        Called with networks on the meta device, before any step; the core runs ``step`` itself there.
        """

    def diagnostics(self, batch: Batch, noise: Batch) -> Mapping[str, torch.Tensor]:
        """Return what shows how a training goes, beside its losses: a scalar is a value, a 1-D tensor a sample of one.

        Asked for at each log with the step's last batch, under ``no_grad``; it is told, as a histogram where it is a
        sample, and it must leave networks and state as they are. Random numbers are the caller's to restore.
        """
        return {}

    def finish(self, model: torch.nn.Module, seed: int) -> None:
        """Make the averaged copy of the model ready to ship, such as by statistics of its own for batch norm."""

    def warnings(self, losses: Mapping[str, float]) -> list[str]:
        """Say in a sentence each what the mean losses of the last steps, by ``role/term``, show to be wrong."""
        return []

    def state(self) -> TrainerState:
        """Return what else the next step depends on. Tensors are the live ones, not copies."""
        return TrainerState({}, {})

    def load_state(self, state: TrainerState) -> None:
        """Restore what ``state`` returned, exactly. Raises ``ValueError`` where it does not fit."""
