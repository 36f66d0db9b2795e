"""Packs of samples, which a discriminator judges at once (PacGAN, arXiv 1712.04086)."""

from __future__ import annotations

import torch
from torch import Tensor


def packed(samples: Tensor, pac: int) -> Tensor:
    """Return samples (n, c, ...) as packs of ``pac`` stacked along channels, (n // pac, pac * c, ...).

    Rows left over are dropped; too few for one pack are repeated.
    """
    if pac == 1:
        return samples
    packs = len(samples) // pac
    if not packs:
        samples, packs = samples[torch.arange(pac, device=samples.device) % len(samples)], 1
    return samples[: packs * pac].reshape(packs, pac * samples.shape[1], *samples.shape[2:])
