"""The generators that the plugin offers to ``run``, around its networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.weights import load_module
from aigc_gan.networks import DcganGenerator


class Dcgan28:
    """A DCGAN for 28 x 28 grey images (arXiv 1511.06434). Option ``truncation`` bounds the latents."""

    engine, dtype = "torch", "float32"

    def __init__(self, network: DcganGenerator, latent_dim: int, device: str) -> None:
        self.network, self.device = network, device
        self.noise: Mapping[str, NoiseSpec] = {"latent": NoiseSpec((latent_dim,), "normal")}

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Dcgan28:
        """Load the safetensors file. ``config`` has ``latent_dim`` and ``width``."""
        network = load_module(lambda: DcganGenerator(config["latent_dim"], config["width"]), weights, device)
        return cls(network, config["latent_dim"], device)

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Map latents (n, latent_dim) to images (n, 1, 28, 28) in [-1, 1]."""
        latent = torch.from_numpy(noise["latent"])
        if "truncation" in options:
            latent = truncate(latent, options["truncation"])  # on the CPU: equal latents whatever the device
        return Samples("image", self.network(latent.to(self.device)).cpu().numpy(), (-1.0, 1.0))


def truncate(latent: torch.Tensor, bound: float) -> torch.Tensor:
    """Map normal latents to normals truncated to [-bound, bound]: less varied, more typical (arXiv 1809.11096).

    The map is by quantile, so equal noise gives equal latents and a wide bound changes nothing; the paper draws again.
    """
    low = torch.special.ndtr(torch.tensor(-bound, dtype=torch.float64))
    quantile = low + torch.special.ndtr(latent.double()) * (1 - 2 * low)
    truncated: torch.Tensor = torch.special.ndtri(quantile)
    return truncated.clamp(-bound, bound).float()
