"""VQModel: an autoencoder whose latents are codes, places in a codebook (arXiv 1711.00937, 2012.09841)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aigc_vae.hub.blocks import NEW_NAMES, mixed
from aigc_vae.hub.coders import Decoder, Encoder
from aigc_vae.hub.config import Vq
from aigc_vae.hub.layers import Conv, Embedding

PIXELS = 1024
"""How many pixels are compared with the whole codebook at once."""


class Codebook(nn.Module):
    """The vectors that codes stand for."""

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.embedding = Embedding(codes, width)

    def nearest(self, vectors: Tensor) -> Tensor:
        """Return the codes (...), int64, of the entries nearest to vectors (..., width); of two as near, the first."""
        entries = self.embedding.weight
        half = 0.5 * entries.square().sum(1)
        parts = torch.split(vectors.flatten(0, -2), PIXELS)
        codes = torch.cat([torch.addmm(half, part, entries.T, alpha=-1).argmin(1) for part in parts])
        return codes.view(vectors.shape[:-1])

    def forward(self, codes: Tensor) -> Tensor:
        """Return the vectors (..., width) of codes (...)."""
        vectors: Tensor = self.embedding(codes)
        return vectors


class VqNetwork(nn.Module):
    """Encoder, codebook and decoder."""

    def __init__(self, config: Vq, names: tuple[str, ...] = NEW_NAMES) -> None:
        super().__init__()
        coder = config.coder
        used = names if coder.attention else None
        self.encoder = Encoder(coder, coder.latent_channels, used)
        self.quant_conv = Conv(coder.latent_channels, config.code_width, 1)
        self.quantize = Codebook(config.codes, config.code_width)
        self.post_quant_conv = Conv(config.code_width, coder.latent_channels, 1)
        self.decoder = Decoder(coder, used)

    def vectors(self, image: Tensor) -> Tensor:
        """Return what an image (h, w, channels) is before it becomes codes, (h / f, w / f, width)."""
        return mixed(self.quant_conv, self.encoder(image))

    def decode(self, codes: Tensor) -> Tensor:
        """Return the image (f * h, f * w, channels) of codes (h, w), around [-1, 1]."""
        image: Tensor = self.decoder(mixed(self.post_quant_conv, self.quantize(codes)))
        return image
