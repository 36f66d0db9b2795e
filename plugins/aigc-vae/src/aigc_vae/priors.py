"""A prior that is learned: the mixture of the posteriors of learned images, VampPrior (arXiv 1705.07120)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class VampPrior(nn.Module):
    """p(z) = 1/K sum over k of q(z | u_k), with K pseudo-inputs u_k that are trained with the encoder.

    They are what a linear layer without bias makes of the K unit vectors, which is its weight, clamped to [0, 1].
    """

    def __init__(self, count: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        # All within [0, 1], for outside of it a clamp passes no gradient; dark and unequal, as drawings are.
        self.pseudo_inputs = nn.Parameter(torch.rand(count, *shape) * 0.5)

    def forward(self) -> Tensor:
        """Return the pseudo-inputs as images (K, c, h, w) in [0, 1]."""
        return self.pseudo_inputs.clamp(0, 1)

    def chosen(self, uniform: Tensor) -> Tensor:
        """Return the pseudo-input that each number of ``uniform`` (n,) in [0, 1] falls on: (n, c, h, w)."""
        count = len(self.pseudo_inputs)
        chosen: Tensor = self()[(uniform * count).long().clamp(max=count - 1)]
        return chosen


def mixture_log_density(latent: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return ln of 1/K sum over k of N(z; mean_k, s_k) of latents (n, k, d), (n, k); both parameters are (K, d).

    By matrix products, which hold nothing of size n * k * K * d; the square is multiplied out for that, so they are
    in float64, where the device has it.
    """
    wide = torch.float32 if latent.device.type == "mps" else torch.float64
    z, m, s = latent.to(wide), mean.to(wide), log_variance.to(wide)
    precision = (-s).exp()
    distance = z.square() @ precision.T - 2 * z @ (m * precision).T + (m.square() * precision).sum(1)
    each = -0.5 * (distance + s.sum(1) + z.shape[-1] * math.log(2 * math.pi))
    return (torch.logsumexp(each, -1) - math.log(len(m))).to(latent.dtype)
