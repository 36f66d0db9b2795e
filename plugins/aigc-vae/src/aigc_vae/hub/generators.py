"""AutoencoderKL, AutoencoderTiny and VQModel as the core runs them: arrays in, arrays out, one image after the other.

None has a prior that samples could be drawn from, so none generates. Images are float32 in [-1, 1]; what a decoder
makes beyond that is cut off. Latents are the network's own: ``scaling_factor`` and ``shift_factor`` of a config belong
to the diffusion model that works on them, and are not applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Latents, LatentSpec, Samples
from aigc_core.interfaces.autoencoder import ANY
from aigc_core.weights import load_module
from aigc_vae.between import straight
from aigc_vae.hub import config as configs
from aigc_vae.hub.attention_names import names_in
from aigc_vae.hub.kl import KlNetwork
from aigc_vae.hub.tiny import TinyNetwork
from aigc_vae.hub.vq import VqNetwork


class _Images:
    """Images of any size that is a multiple of ``factor``, to rows of a network and back."""

    engine, dtype = "torch", "float32"

    def __init__(self, device: str, factor: int, channels: int) -> None:
        self.device, self.factor, self.channels = device, factor, channels

    def _rows(self, images: np.ndarray) -> Iterable[Tensor]:
        """Yield each image as (h, w, c). Raises ``WrongUse`` for a shape that cannot be encoded."""
        _, channels, height, width = images.shape
        if channels != self.channels or not height or not width or height % self.factor or width % self.factor:
            text = f"An image of shape {list(images.shape[1:])} cannot be encoded"
            raise WrongUse(f"{text}: it takes {self.channels} channels and sides that {self.factor} divides.")
        for image in images:
            yield torch.tensor(image.transpose(1, 2, 0), device=self.device)

    def _samples(self, rows: Iterable[Tensor], count: int) -> Samples:
        values = _stacked((row.permute(2, 0, 1) for row in rows), count)
        return Samples("image", np.clip(values, -1, 1, out=values), (-1.0, 1.0))


class _Line(_Images):
    """Latents of real numbers (channels, h, w)."""

    latent: LatentSpec
    network: KlNetwork | TinyNetwork

    @torch.inference_mode()
    def decode(self, latents: np.ndarray, options: Mapping[str, Any]) -> Samples:
        """Return the images (n, c, f * h, f * w) of latents (n, channels, h, w)."""
        return self._samples(map(self.network.decode, self._latents(latents)), len(latents))

    def between(self, one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the latents on the straight line from one posterior mean to another."""
        return straight(one, other, weights)

    def _latents(self, latents: np.ndarray) -> Iterable[Tensor]:
        if latents.ndim != 4 or latents.shape[1] != self.latent.shape[0] or not latents.size:
            text = f"Latents of shape {list(latents.shape[1:])} cannot be decoded"
            raise WrongUse(f"{text}: it takes {self.latent.shape[0]} channels, height and width.")
        for latent in latents:
            yield torch.tensor(latent.transpose(1, 2, 0), dtype=torch.float32, device=self.device)


class AutoencoderKl(_Line):
    """diffusers' AutoencoderKL (arXiv 2112.10752), such as sd-vae-ft-mse and sdxl-vae."""

    network: KlNetwork

    def __init__(self, network: KlNetwork, shape: configs.Kl, device: str) -> None:
        coder = shape.coder
        super().__init__(device, coder.factor, coder.channels_in)
        self.network, self.latent = network, LatentSpec((coder.latent_channels, ANY, ANY))

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> AutoencoderKl:
        """Load diffusers' files. ``config`` is config.json, read. Raises ``NotAvailable`` or ``Refused``."""
        shape, names = configs.kl(config), names_in(weights)
        return cls(load_module(lambda: KlNetwork(shape, names), weights, device), shape, device)

    @torch.inference_mode()
    def encode(self, images: np.ndarray, options: Mapping[str, Any]) -> Latents:
        """Return mean and deviation of the posterior of images (n, c, h, w): each (n, channels, h / f, w / f)."""
        each = [self.network.encode(row) for row in self._rows(images)]
        mean, deviation = (_stacked((pair[at].permute(2, 0, 1) for pair in each), len(images)) for at in range(2))
        return Latents(mean, deviation)


class AutoencoderTiny(_Line):
    """diffusers' AutoencoderTiny, such as taesd. An image has one latent, without a deviation."""

    network: TinyNetwork

    def __init__(self, network: TinyNetwork, shape: configs.Tiny, device: str) -> None:
        super().__init__(device, shape.factor, shape.channels_in)
        self.network, self.latent = network, LatentSpec((shape.latent_channels, ANY, ANY))

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> AutoencoderTiny:
        """Load diffusers' files. ``config`` is config.json, read. Raises ``NotAvailable`` or ``Refused``."""
        shape = configs.tiny(config)
        return cls(load_module(lambda: TinyNetwork(shape), weights, device), shape, device)

    @torch.inference_mode()
    def encode(self, images: np.ndarray, options: Mapping[str, Any]) -> Latents:
        """Return the latents (n, channels, h / f, w / f) of images (n, c, h, w)."""
        return Latents(_stacked((self.network.encode(row).permute(2, 0, 1) for row in self._rows(images)), len(images)))


class VqModel(_Images):
    """diffusers' VQModel (arXiv 1711.00937, 2012.09841): latents are codes (h / f, w / f)."""

    def __init__(self, network: VqNetwork, shape: configs.Vq, device: str) -> None:
        coder = shape.coder
        super().__init__(device, coder.factor, coder.channels_in)
        self.network, self.latent = network, LatentSpec((ANY, ANY), shape.codes)

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> VqModel:
        """Load diffusers' files. ``config`` is config.json, read. Raises ``NotAvailable`` or ``Refused``."""
        shape, names = configs.vq(config), names_in(weights)
        return cls(load_module(lambda: VqNetwork(shape, names), weights, device), shape, device)

    @torch.inference_mode()
    def encode(self, images: np.ndarray, options: Mapping[str, Any]) -> Latents:
        """Return the codes (n, h / f, w / f), int64, of images (n, c, h, w)."""
        rows = (self.network.quantize.nearest(self.network.vectors(row)) for row in self._rows(images))
        return Latents(_stacked(rows, len(images)))

    @torch.inference_mode()
    def decode(self, latents: np.ndarray, options: Mapping[str, Any]) -> Samples:
        """Return the images (n, c, f * h, f * w) of codes (n, h, w)."""
        if latents.ndim != 3 or not latents.size or not 0 <= latents.min() <= latents.max() < self.latent.codes:
            raise WrongUse(f"These are no codes (n, h, w) from 0 to {self.latent.codes - 1:,}.")
        codes = torch.tensor(latents, dtype=torch.int64, device=self.device)
        return self._samples(map(self.network.decode, codes), len(latents))

    @torch.inference_mode()
    def between(self, one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the codes nearest to the straight line between the vectors that two latents stand for."""
        start, end = (self.network.quantize(torch.tensor(each, device=self.device)) for each in (one, other))
        line = (self.network.quantize.nearest(torch.lerp(start, end, float(weight))) for weight in weights)
        codes = _stacked(line, len(weights))
        codes[weights == 0], codes[weights == 1] = one, other  # a codebook may have one vector twice
        return codes


def _stacked(rows: Iterable[Tensor], count: int) -> np.ndarray:
    """Copy rows of one shape into one array, each as soon as it is there."""
    found: np.ndarray | None = None
    for at, row in enumerate(rows):
        values = row.cpu().numpy()
        found = np.empty((count, *values.shape), values.dtype) if found is None else found
        found[at] = values
    assert found is not None
    return found
