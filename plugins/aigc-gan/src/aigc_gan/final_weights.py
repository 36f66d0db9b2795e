"""From the end of a run to the weights that ship."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from aigc_gan.training_run import Run


@torch.no_grad()
def estimate_batch_norm(generator: nn.Module, latent_dim: int, seed: int, batches: int = 100) -> None:
    """Replace the running statistics by their mean over fresh latents: averaged weights have their own statistics."""
    for module in generator.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.reset_running_stats()
            module.momentum = None
    random = torch.Generator().manual_seed(seed)
    generator.train()
    for _ in range(batches):
        generator(torch.randn(256, latent_dim, generator=random))
    generator.eval()


def weights_sha256(network: nn.Module) -> str:
    """Hash every tensor of a network with its name, in name order."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def final_weights(run: Run) -> dict[str, Tensor]:
    """Return what ships: the averaged generator in half precision."""
    estimate_batch_norm(run.average, run.recipe["generator"]["latent_dim"], run.recipe["seed"])
    return {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in run.average.state_dict().items()
    }
