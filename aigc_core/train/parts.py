"""A step's batch, cut for the ranks and into what is computed at once, on the device that computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from aigc_core.train import ranks as distributed
from aigc_core.train.data.order import share
from aigc_core.train.ranks import Ranks

Tensors = Mapping[str, Tensor]


class Part(NamedTuple):
    """What of a batch is computed at once: all of it, unless gradients are accumulated."""

    batch: Tensors
    noise: Tensors
    share: float = 1.0
    """Its share of all that the batch's mean is over, on all ranks together."""


class Parts:
    """Cuts batches into ``count`` parts on each of the ranks."""

    def __init__(self, count: int, ranks: Ranks, device: torch.device, memory_format: torch.memory_format) -> None:
        self.count, self.ranks, self.device, self.memory_format = count, ranks, device, memory_format

    def of(self, rows: int, batch: Tensors, noise: Tensors, weigh: Callable[[Tensors], float]) -> list[Part]:
        """Return this rank's parts of a batch of ``rows`` in all.

        ``batch`` holds this rank's rows alone, ``noise`` those of every rank; ``weigh`` says how many things the means
        of a part are over.
        """
        if self.count == 1 and self.ranks.world == 1:
            return [Part(self.moved(batch), self.moved(noise))]
        mine = _rows(noise, share(rows, self.ranks.rank, self.ranks.world))
        held = len(next(iter(batch.values())))
        cuts = [cut for cut in (share(held, number, self.count) for number in range(self.count)) if cut.start < held]
        found = [Part(self.moved(_rows(batch, cut)), self.moved(_rows(mine, cut))) for cut in cuts]
        weights = [weigh(part.batch) for part in found]
        whole = distributed.total(sum(weights), self.ranks, self.device)
        if not found:  # a rank without rows takes part all the same: the others wait for its gradient, which is zero
            return [Part(self.moved(_stand_in(batch)), self.moved(_stand_in(noise)), 0.0)]
        return [part._replace(share=weight / whole) for part, weight in zip(found, weights, strict=True)]

    def moved(self, tensors: Tensors) -> dict[str, Tensor]:
        """Bring tensors to the device; images into the memory format of the kernels."""
        return {
            name: values.to(
                self.device, memory_format=self.memory_format if values.dim() == 4 else torch.preserve_format
            )
            for name, values in tensors.items()
        }


def _rows(tensors: Tensors, rows: slice) -> dict[str, Tensor]:
    return {name: values[rows] for name, values in tensors.items()}


def _stand_in(tensors: Tensors) -> dict[str, Tensor]:
    return {name: values.new_zeros((1, *values.shape[1:])) for name, values in tensors.items()}
