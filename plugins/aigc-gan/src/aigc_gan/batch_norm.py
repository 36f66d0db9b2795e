"""Statistics for a generator's batch norm: averaged weights have their own."""

from __future__ import annotations

import torch
from torch import nn

from aigc_gan.given import arguments, noise_of

DRAW = {"normal": torch.randn, "uniform": torch.rand}


@torch.no_grad()
def estimate_batch_norm(generator: nn.Module, seed: int, batches: int = 100) -> None:
    """Replace the running statistics by their mean over fresh noise, 256 rows a batch."""
    norms = [module for module in generator.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
    if not norms:
        return
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
    random, specs = torch.Generator().manual_seed(seed), noise_of(generator)
    device = next(generator.parameters()).device
    generator.train()
    for _ in range(batches):
        noise = {
            name: DRAW[spec.distribution](256, *spec.shape, generator=random).to(device) for name, spec in specs.items()
        }
        generator(*arguments(generator, noise).values())
    generator.eval()
