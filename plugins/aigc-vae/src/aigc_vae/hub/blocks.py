"""The parts of diffusers' AutoencoderKL and VQModel, for one image (height, width, channels) at a time.

Names of submodules are those of diffusers, so that its files fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, pad, scaled_dot_product_attention, silu

from aigc_vae.hub.convolve import convolve
from aigc_vae.hub.layers import Conv, Linear
from aigc_vae.hub.side_by_side import side_by_side, threads

EPSILON = 1e-6
MOMENTS = 2**18
"""Of how many numbers at once mean and variance are taken: as many as stay in a cache."""

NEW_NAMES = ("to_q", "to_k", "to_v", "to_out.0")
"""What diffusers calls an attention's layers in the files that it writes."""
OLD_NAMES = ("query", "key", "value", "proj_attn")
"""What it called them before its version 0.18, as in the file of sd-vae-ft-mse."""


class Norm(nn.GroupNorm):
    """GroupNorm (arXiv 1803.08494) over an image, known by what it multiplies and adds."""

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__(groups, channels, EPSILON)

    def reset_parameters(self) -> None:
        """Leave them as they are: they come from a file."""

    def of(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``scale`` and ``shift`` (c,) with which image * scale + shift is the normalised image."""
        share = self.num_channels // self.num_groups
        pixels = image.flatten(0, 1)
        slabs = pixels.chunk(threads(image.device))
        found = side_by_side([partial(_moments, slab) for slab in slabs])
        counts, means, apart = (torch.cat(values) for values in zip(*found, strict=True))
        mean = self._groups(counts * means) / (len(pixels) * share)
        each = mean.repeat_interleave(share)
        variance = self._groups(apart + counts * (means - each).square()) / (len(pixels) * share)
        scale = self.weight / (variance + self.eps).sqrt().repeat_interleave(share)
        return scale, self.bias - each * scale

    def _groups(self, values: Tensor) -> Tensor:
        """Sum values (parts, c) over the parts and the channels of each group."""
        return values.sum(0).view(self.num_groups, -1).sum(1)

    def activated(self, image: Tensor) -> partial[None]:
        """Return what writes silu(norm(rows)) of rows of this image."""
        scale, shift = self.of(image)
        return partial(_activated, scale, shift)


def _moments(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return each part's count (parts, 1), means (parts, c) and summed squares of the distance from them (parts, c)."""
    parts = torch.split(pixels, max(1, MOMENTS // pixels.shape[-1]))
    means = [part.mean(0) for part in parts]
    apart = [(part - mean).square_().sum(0) for part, mean in zip(parts, means, strict=True)]
    return pixels.new_tensor([[len(part)] for part in parts]), torch.stack(means), torch.stack(apart)


def mixed(layer: nn.Conv2d | None, image: Tensor) -> Tensor:
    """Return a 1 x 1 convolution of (h, w, c); without a layer, the image."""
    return image if layer is None else linear(image, layer.weight.flatten(1), layer.bias)


def _activated(scale: Tensor, shift: Tensor, rows: Tensor, into: Tensor) -> None:
    torch.addcmul(shift, rows, scale, out=into)
    silu(into, inplace=True)


class Resnet(nn.Module):
    """Two convolutions, each of what is normalised and activated, and the input added (diffusers' ResnetBlock2D)."""

    def __init__(self, channels: int, out: int, groups: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = Norm(groups, channels), Conv(channels, out, 3)
        self.norm2, self.conv2 = Norm(groups, out), Conv(out, out, 3)
        self.conv_shortcut = Conv(channels, out, 1) if channels != out else None

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, channels) to (h, w, out)."""
        hidden = convolve(image, self.conv1, self.norm1.activated(image))
        return convolve(hidden, self.conv2, self.norm2.activated(hidden), partial(self._add, image), into=hidden)

    def _add(self, image: Tensor, into: Tensor, where: slice) -> None:
        into.add_(mixed(self.conv_shortcut, image[where]))


class Attention(nn.Module):
    """Every pixel attends to every other, with one head, and the input added."""

    def __init__(self, channels: int, groups: int, names: tuple[str, ...] = NEW_NAMES) -> None:
        super().__init__()
        self.group_norm = Norm(groups, channels)
        self.linears = [Linear(channels, channels) for _ in names]
        for name, layer in zip(names, self.linears, strict=True):
            self.add_module(name.partition(".")[0], nn.ModuleList([layer]) if "." in name else layer)

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, c) to the same shape."""
        scale, shift = self.group_norm.of(image)
        pixels = torch.addcmul(shift, image, scale).flatten(0, 1)
        *three, last = self.linears
        queries, keys, values = (layer(pixels)[None, None] for layer in three)
        found: Tensor = last(scaled_dot_product_attention(queries, keys, values)[0, 0])
        return found.view_as(image).add_(image)


class Down(nn.Module):
    """Half the size: every other output of a convolution, with zeros at the right and at the bottom only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Conv(channels, channels, 3, 2)

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, c) to (h // 2, w // 2, c)."""
        padded = pad(image, (0, 0, 0, 1, 0, 1)).unsqueeze(0).permute(0, 3, 1, 2)
        return conv2d(padded, self.conv.weight, self.conv.bias, 2)[0].permute(1, 2, 0).contiguous()


class Up(nn.Module):
    """Twice the size: a convolution of the image with every pixel doubled, each way."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Conv(channels, channels, 3)

    def forward(self, image: Tensor) -> Tensor:
        """Map (h, w, c) to (2 * h, 2 * w, c)."""
        return convolve(image, self.conv, doubled=True)


class Middle(nn.Module):
    """The part at the lowest resolution."""

    def __init__(self, channels: int, groups: int, names: tuple[str, ...] | None) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([] if names is None else [Attention(channels, groups, names)])
        self.resnets = nn.ModuleList(Resnet(channels, channels, groups) for _ in range(2))

    def layers(self) -> Iterator[nn.Module]:
        """Yield the layers in their order; each maps (h, w, c) to the same shape."""
        yield self.resnets[0]
        yield from self.attentions
        yield self.resnets[1]
