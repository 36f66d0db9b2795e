"""Encoder and decoder of diffusers' AutoencoderKL and VQModel (arXiv 2112.10752; diffusers' autoencoders/vae.py)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor, nn

from aigc_vae.hub.blocks import Down, Middle, Norm, Resnet, Up
from aigc_vae.hub.config import Coder
from aigc_vae.hub.convolve import convolve
from aigc_vae.hub.layers import Conv


class Level(nn.Module):
    """What is computed at one resolution, and the way to the next."""

    def __init__(self, channels: int, out: int, layers: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(Resnet(out if at else channels, out, groups) for at in range(layers))

    def to_half(self, channels: int) -> Level:
        """Go on to half the size."""
        self.downsamplers = nn.ModuleList([Down(channels)])
        return self

    def to_double(self, channels: int) -> Level:
        """Go on to twice the size."""
        self.upsamplers = nn.ModuleList([Up(channels)])
        return self

    def layers(self) -> Iterator[nn.Module]:
        """Yield the layers in their order; each maps (h, w, c) to (h', w', c')."""
        for group in self.children():
            yield from group.children()


def _through(levels: Iterable[Level | Middle], image: list[Tensor]) -> Tensor:
    """Compute one layer after the other. Only the list holds the image, so that no caller keeps an old one alive."""
    for level in levels:
        for layer in level.layers():
            image.append(layer(image.pop()))
    return image.pop()


class Encoder(nn.Module):
    """Images to what the latents are made of."""

    def __init__(self, shape: Coder, out: int, names: tuple[str, ...] | None) -> None:
        super().__init__()
        widths = shape.widths
        self.conv_in = Conv(shape.channels_in, widths[0], 3)
        levels = [Level(widths[max(0, at - 1)], width, shape.layers, shape.groups) for at, width in enumerate(widths)]
        for level, width in zip(levels[:-1], widths, strict=False):
            level.to_half(width)
        self.down_blocks = nn.ModuleList(levels)
        self.mid_block = Middle(widths[-1], shape.groups, names)
        self.conv_norm_out = Norm(shape.groups, widths[-1])
        self.conv_out = Conv(widths[-1], out, 3)

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, channels) to (h / f, w / f, out), where f is 2 for each level but the last."""
        image = _through((*self.down_blocks, self.mid_block), [convolve(image, self.conv_in)])
        return convolve(image, self.conv_out, self.conv_norm_out.activated(image))


class Decoder(nn.Module):
    """Latents to images."""

    def __init__(self, shape: Coder, names: tuple[str, ...] | None) -> None:
        super().__init__()
        widths = shape.widths[::-1]
        self.conv_in = Conv(shape.latent_channels, widths[0], 3)
        self.mid_block = Middle(widths[0], shape.groups, names)
        levels = [
            Level(widths[max(0, at - 1)], width, shape.layers + 1, shape.groups) for at, width in enumerate(widths)
        ]
        for level, width in zip(levels[:-1], widths, strict=False):
            level.to_double(width)
        self.up_blocks = nn.ModuleList(levels)
        self.conv_norm_out = Norm(shape.groups, widths[-1])
        self.conv_out = Conv(widths[-1], shape.channels_out, 3)

    def forward(self, latent: Tensor) -> Tensor:
        """Map (h, w, latent channels) to (f * h, f * w, channels)."""
        image = _through((self.mid_block, *self.up_blocks), [convolve(latent, self.conv_in)])
        return convolve(image, self.conv_out, self.conv_norm_out.activated(image))
