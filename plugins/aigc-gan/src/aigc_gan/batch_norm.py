"""Statistics for a generator's batch norm: averaged weights have their own."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def estimate_batch_norm(generator: nn.Module, latent_dim: int, seed: int, batches: int = 100) -> None:
    """Replace the running statistics by their mean over fresh latents, 256 a batch."""
    norms = [module for module in generator.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
    if not norms:
        return
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
    random = torch.Generator().manual_seed(seed)
    device = next(generator.parameters()).device
    generator.train()
    for _ in range(batches):
        generator(torch.randn(256, latent_dim, generator=random).to(device))
    generator.eval()
