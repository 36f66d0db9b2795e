"""The exponential moving average of a network's weights (Polyak and Juditsky, 1992; arXiv 1806.04498)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """A copy of a network that follows its parameters; buffers are copied when it is asked for."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay, self.of = decay, network

    @torch.no_grad()
    def follow(self) -> None:
        """Move each averaged parameter by 1 - decay of the way to the current one."""
        mine: list[Tensor] = list(self.network.parameters())
        theirs: list[Tensor] = list(self.of.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - self.decay)

    @torch.no_grad()
    def current(self) -> nn.Module:
        """Return the averaged network with the buffers, such as running statistics, of the one that it follows."""
        for mine, theirs in zip(self.network.buffers(), self.of.buffers(), strict=True):
            mine.copy_(theirs)
        return self.network
