"""The VQ-VAE as ``run`` and the verbs of autoencoders use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Latents, LatentSpec, NoiseSpec, Samples
from aigc_core.weights import load_module
from aigc_vae.vq.network import PLACES, VqVae28

ROWS = 64
"""As many images' codes are drawn at once, whatever is asked for: sums of another shape differ in their last bits, and
where these make one code another, all that follow are others."""
SIZES = ("width", "codes", "code_dim", "prior_width", "prior_layers", "prior_heads")


class VqVae28Generator:
    """Codes of the prior, decoded; and images to their codes and back (arXiv 1711.00937)."""

    engine, dtype = "torch", "float32"

    def __init__(self, network: VqVae28, device: str) -> None:
        self.network, self.device = network, device
        self.noise: Mapping[str, NoiseSpec] = {"codes": NoiseSpec((PLACES * PLACES,), "uniform")}
        self.latent = LatentSpec((PLACES, PLACES), codes=len(network.codebook.uses))

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> VqVae28Generator:
        """Load the safetensors file. ``config`` has every field of ``SIZES``."""
        return cls(load_module(lambda: VqVae28(**{name: config[name] for name in SIZES}), weights, device), device)

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Map uniforms (n, 49), one for each code line by line, to images (n, 1, 28, 28) in [0, 1].

        ``temperature`` divides the prior's logits.
        """
        uniform, temperature = torch.from_numpy(noise["codes"]).to(self.device), float(options.get("temperature", 1.0))
        codes = torch.cat([self._drawn(part, temperature) for part in torch.split(uniform, ROWS)])
        return self._shown(codes.view(-1, PLACES, PLACES))

    def _drawn(self, uniform: torch.Tensor, temperature: float) -> torch.Tensor:
        padded = torch.cat([uniform, uniform[:1].expand(ROWS - len(uniform), -1)])
        return self.network.prior.sample(padded, temperature)[: len(uniform)]

    @torch.inference_mode()
    def encode(self, images: np.ndarray, options: Mapping[str, Any]) -> Latents:
        """Return the codes of images (n, 1, 28, 28) in [0, 1], int64 (n, 7, 7)."""
        return Latents(self.network.encode(torch.from_numpy(images).to(self.device)).cpu().numpy())

    @torch.inference_mode()
    def decode(self, latents: np.ndarray, options: Mapping[str, Any]) -> Samples:
        """Return the images of codes (n, 7, 7). Raises ``WrongUse`` for what is no such code."""
        return self._shown(self._codes(latents))

    @torch.inference_mode()
    def between(self, one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return codes (m, 7, 7) on the straight line from one's entries to the other's, each place by itself: the
        entry that is nearest to the point."""
        ends = self._codes(np.stack([one, other]))
        codebook = self.network.codebook
        first, last = codebook.look_up(ends)
        along = torch.from_numpy(np.asarray(weights, np.float32)).to(self.device).view(-1, 1, 1, 1)
        codes = codebook.nearest(first + along * (last - first))
        # Of two equal entries the first is the nearest: the ends stay what they are.
        codes[along.flatten() <= 0], codes[along.flatten() >= 1] = ends[0], ends[1]
        return codes.cpu().numpy()

    def _codes(self, latents: np.ndarray) -> torch.Tensor:
        if latents.ndim != 3 or latents.shape[1:] != self.latent.shape:
            raise WrongUse(f"Latents of shape {list(latents.shape)} are given; the codes of an image are 7 x 7.")
        if latents.dtype.kind not in "iu":
            raise WrongUse(f"Latents of type {latents.dtype} are given; codes are whole numbers.")
        for code in (latents.min(initial=0), latents.max(initial=0)):
            if not 0 <= code < self.latent.codes:
                raise WrongUse(f"A code is {code}; the codebook has the codes 0 to {self.latent.codes - 1}.")
        return torch.from_numpy(latents.astype(np.int64)).to(self.device)

    def _shown(self, codes: torch.Tensor) -> Samples:
        return Samples("image", self.network.decode(codes).cpu().numpy(), (0.0, 1.0))
