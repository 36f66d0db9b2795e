"""The generators that the plugin offers to ``run``, around its networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.weights import load_module
from aigc_vae import networks


class Mlp28:
    """A VAE for 28 x 28 grey images (arXiv 1312.6114): latents of the prior, decoded."""

    engine, dtype = "torch", "float32"

    def __init__(self, network: networks.Mlp28, device: str) -> None:
        self.network, self.device = network, device
        self.noise: Mapping[str, NoiseSpec] = {"latent": NoiseSpec((network.latent_dim,), "normal")}

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Mlp28:
        """Load the safetensors file. ``config`` has ``hidden`` and ``latent_dim``."""
        return cls(load_module(lambda: networks.Mlp28(config["hidden"], config["latent_dim"]), weights, device), device)

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Map latents (n, latent_dim) to images (n, 1, 28, 28) in [0, 1]: each pixel's probability to be white."""
        logits = self.network.decode(torch.from_numpy(noise["latent"]).to(self.device))
        return Samples("image", logits.sigmoid().cpu().numpy(), (0.0, 1.0))
