"""AutoencoderTiny: a small autoencoder that stands in for that of Stable Diffusion (TAESD, Ollin Boer Bohan, 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from torch import Tensor, nn
from torch.nn.functional import conv2d

from aigc_vae.hub.config import Tiny
from aigc_vae.hub.convolve import convolve
from aigc_vae.hub.layers import Conv


def _relu(rows: Tensor, where: slice) -> None:
    rows.relu_()


class Block(nn.Module):
    """Three convolutions, and the input added (diffusers' AutoencoderTinyBlock)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.steps = [Conv(width, width, 3) for _ in range(3)]
        self.conv = nn.ModuleDict({str(2 * at): layer for at, layer in enumerate(self.steps)})

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, width) to the same shape."""
        first, second, third = self.steps
        hidden = convolve(image, first, after=_relu)
        convolve(hidden, second, after=_relu, into=hidden)
        return convolve(hidden, third, after=partial(_add, image), into=hidden)


def _add(image: Tensor, rows: Tensor, where: slice) -> None:
    rows.add_(image[where]).relu_()


class Convolution(Conv):
    """A 3 x 3 convolution as a layer of its own: as it is, of half the size, or of every pixel doubled."""

    def __init__(self, channels: int, out: int, *, half: bool = False, doubled: bool = False, relu: bool = False):
        super().__init__(channels, out, 3, 2 if half else 1, 1, bias=not (half or doubled))
        self.doubled, self.after = doubled, _relu if relu else None

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, channels) to (h', w', out)."""
        if self.stride[0] == 1:
            return convolve(image, self, after=self.after, doubled=self.doubled)
        found = conv2d(image.unsqueeze(0).permute(0, 3, 1, 2), self.weight, self.bias, self.stride, self.padding)
        return found[0].permute(1, 2, 0).contiguous()


def _encoder(config: Tiny) -> Iterator[nn.Module | None]:
    for at, count in enumerate(config.encoder_blocks):
        yield Convolution(config.width if at else config.channels_in, config.width, half=at > 0)
        yield from (Block(config.width) for _ in range(count))
    yield Convolution(config.width, config.latent_channels)


def _decoder(config: Tiny) -> Iterator[nn.Module | None]:
    """Yield the layers; None where diffusers has a layer without weights, which here is a part of its neighbour."""
    yield Convolution(config.latent_channels, config.decoder_width, relu=True)
    yield None
    for count in config.decoder_blocks[:-1]:
        yield from (Block(config.decoder_width) for _ in range(count))
        yield None
        yield Convolution(config.decoder_width, config.decoder_width, doubled=True)
    yield from (Block(config.decoder_width) for _ in range(config.decoder_blocks[-1]))
    yield Convolution(config.decoder_width, config.channels_out)


class Layers(nn.Module):
    """One layer after the other, each under its place's number."""

    def __init__(self, layers: Iterator[nn.Module | None]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({str(at): layer for at, layer in enumerate(layers) if layer is not None})

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, channels) to (h', w', out)."""
        for layer in self.layers.values():
            image = layer(image)
        return image


class TinyNetwork(nn.Module):
    """Encoder and decoder without any normalisation."""

    def __init__(self, config: Tiny) -> None:
        super().__init__()
        self.encoder = Layers(_encoder(config))
        self.decoder = Layers(_decoder(config))

    def encode(self, image: Tensor) -> Tensor:
        """Return the latent (h / f, w / f, latent channels) of an image (h, w, channels) in [-1, 1]."""
        latent: Tensor = self.encoder((image + 1) / 2)
        return latent

    def decode(self, latent: Tensor) -> Tensor:
        """Return the image (f * h, f * w, channels) of a latent (h, w, latent channels), around [-1, 1]."""
        image: Tensor = self.decoder((latent / 3).tanh() * 3)
        return image * 2 - 1
