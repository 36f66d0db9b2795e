"""Networks for points of the plane: those of PacGAN's rings and grids (arXiv 1712.04086, section 4).

The paper's text leaves sizes of first weights and batch norm open; they are those of its published code.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

HIDDEN = 4
MAXOUTS = 3
PIECES = 5


class PointGenerator(nn.Module):
    """Latents (n, latent_dim) to points (n, 2): four linear layers without bias, each with batch norm and ReLU."""

    def __init__(self, latent_dim: int = 2, width: int = 400) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        layers: list[nn.Module] = []
        for wide in [latent_dim, *[width] * (HIDDEN - 1)]:
            norm = nn.BatchNorm1d(width, eps=1e-4, momentum=0.05)
            layers += [nn.Linear(wide, width, bias=False), norm, nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 2))

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        _draw_weights(self)

    def forward(self, latent: Tensor) -> Tensor:
        points: Tensor = self.layers(latent)
        return points


class PointDiscriminator(nn.Module):
    """Packs of points (n, 2 * pac) to logits (n, 1), through three layers of maxout with five pieces each."""

    def __init__(self, pac: int = 1, width: int = 200) -> None:
        super().__init__()
        self.width = width
        self.pieces = nn.ModuleList(nn.Linear(wide, PIECES * width) for wide in [2 * pac, *[width] * (MAXOUTS - 1)])
        self.score = nn.Linear(width, 1)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        _draw_weights(self)

    def forward(self, points: Tensor) -> Tensor:
        for pieces in self.pieces:
            points = maxout(pieces(points).view(-1, PIECES, self.width))
        logits: Tensor = self.score(points)
        return logits


def maxout(pieces: Tensor) -> Tensor:
    """Return the largest of each unit's pieces, (n, pieces, units) to (n, units) (arXiv 1302.4389).

    What ``Tensor.amax`` returns, with its gradient, which equal pieces share; forward and backward take a quarter of
    its time on a CPU.
    """
    largest: Tensor = _Maxout.apply(pieces)  # type: ignore[no-untyped-call]
    return largest


class _Maxout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pieces: Tensor) -> Tensor:
        largest: Tensor = pieces.amax(1)
        # Comparing into floats is vectorised, comparing into booleans is not.
        share = torch.eq(pieces, largest.unsqueeze(1), out=torch.empty_like(pieces))
        ctx.save_for_backward(share, share.sum(1))
        return largest

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        share, count = ctx.saved_tensors
        spread: Tensor = (gradient / count).unsqueeze(1) * share
        return spread


def _draw_weights(network: nn.Module) -> None:
    """Draw every matrix from N(0, 0.02); biases are zero."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
