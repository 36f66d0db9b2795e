"""What one draw of a posterior says of images: the terms of every bound on ln p(x) (arXiv 1312.6114, 1509.00519)."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor


class Drawn(NamedTuple):
    """k latents of the posterior of each of n images, and how likely the images are given them. All in nats."""

    log_likelihood: Tensor
    """ln p(x | z_j), (n, k)."""
    log_prior: Tensor | None
    """ln p(z_j), (n, k); None where the prior is N(0, 1)."""
    noise: Tensor
    """The standard normal numbers that the latents were made of, (n, k, d)."""
    latent: Tensor
    """z_j = mean + deviation * noise, (n, k, d)."""
    mean: Tensor
    """Of q(z | x), (n, d)."""
    log_variance: Tensor
    """Of q(z | x), (n, d)."""


def divergence(drawn: Drawn) -> Tensor:
    """Return KL(q(z | x) | p(z)): of each dimension in closed form, (n, d); of a learned prior by its draws, (n, 1)."""
    if drawn.log_prior is not None:
        return (log_posterior(drawn) - drawn.log_prior).mean(1, keepdim=True)
    return standard_divergence(drawn.mean, drawn.log_variance)


def standard_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, s) | N(0, 1)) = (mean^2 + s^2 - 1 - ln s^2) / 2 of each dimension (1312.6114, appendix B)."""
    # expm1 keeps the digits where the posterior is near the prior.
    return 0.5 * (mean.square() + log_variance.expm1() - log_variance)


def log_weights(drawn: Drawn) -> Tensor:
    """Return ln p(x, z_j) / q(z_j | x), (n, k): their mean is below ln p(x), as is that of ln of their mean."""
    log_prior = standard_log_density(drawn.latent) if drawn.log_prior is None else drawn.log_prior
    return drawn.log_likelihood + log_prior - log_posterior(drawn)


def log_posterior(drawn: Drawn) -> Tensor:
    """Return ln q(z_j | x), (n, k)."""
    return standard_log_density(drawn.noise) - 0.5 * drawn.log_variance.sum(1, keepdim=True)


def standard_log_density(values: Tensor) -> Tensor:
    """Return ln N(values; 0, 1), summed over the last axis."""
    return -0.5 * (values.square().sum(-1) + values.shape[-1] * math.log(2 * math.pi))
