"""Which rows a step sees: a function of seed and position, so a resumed run has no state of it to restore."""

from __future__ import annotations

import torch
from torch import Tensor

from aigc_core.errors import WrongUse

_REPLACEMENT = 1 << 30


def mixed(seed: int, place: int) -> int:
    """Return the number below 2 ** 32 that seeds a generator for a place of a training: a step, or an epoch.

    torch's generator on the CPU reads only the lower 32 bits of its seed, so ``seed << 32 | place`` would be the same
    for every seed. Steps of 2 ** 32 over the golden ratio keep the places of different seeds far apart (Knuth's
    multiplicative hashing); seed 1 stays where it was, for the models that were trained with it.
    """
    return (place + (seed - 1) * 0x9E3779B1) & 0xFFFFFFFF


def generator(seed: int, place: int) -> torch.Generator:
    """Return a random generator that (seed, place) alone decides."""
    return torch.Generator().manual_seed(mixed(seed, place))


class Order:
    """The rows of each step, for ``n`` rows in batches of ``size``.

    ``shuffle``: every row once an epoch, the last batch smaller. ``replacement``: each row drawn by itself. Raises
    ``WrongUse`` where there is no row.
    """

    def __init__(self, n: int, size: int, seed: int, kind: str = "shuffle") -> None:
        if n < 1:
            raise WrongUse("There is no row left to train on.", "See the recipe's data.clean and data.split.")
        self.n, self.size, self.seed, self.kind = n, size, seed, kind
        self.per_epoch = -(-n // size)
        self._last = (-1, torch.empty(0, dtype=torch.int64))

    def indices(self, step: int) -> Tensor:
        """Return the rows of a step's whole batch, int64 (size,) or fewer at an epoch's end."""
        if self.kind == "replacement":
            # Far from the step's own place, whose draws are its noise and dropout.
            return torch.randint(self.n, (self.size,), generator=generator(self.seed, step + _REPLACEMENT))
        epoch, position = divmod(step, self.per_epoch)
        known, permutation = self._last  # only a cache; read and set whole, for threads ask too
        if epoch != known:
            permutation = torch.randperm(self.n, generator=generator(self.seed, epoch))
            self._last = (epoch, permutation)
        return permutation[position * self.size : (position + 1) * self.size]


def share(count: int, rank: int, ranks: int) -> slice:
    """Return the part of a batch's rows that is one rank's: contiguous, and smaller or empty for the last ones."""
    each = -(-count // ranks)
    return slice(rank * each, (rank + 1) * each)
