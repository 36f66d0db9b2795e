"""FastGAN's generator for 1024 x 1024 images (Liu et al., arXiv 2101.04775, section 3.1), as huggan's files have it.

The repositories bring no code that could be read; the names are those of a public implementation whose arguments and
results are those of their cards, and whose tensors have as many bytes as the file, but for the format's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

CHANNELS = {4: 1024, 8: 512, 16: 256, 32: 128, 64: 128, 128: 64, 256: 32, 512: 16, 1024: 8}
GRAINED = (8, 32, 128, 512)
"""Sizes whose blocks have two convolutions and add noise behind each."""
EXCITED = {64: 4, 128: 8, 256: 16, 512: 32}
"""Sizes whose channels are weighed by what a smaller size has seen."""


class FastGan1024(nn.Module):
    """Latents (n, in_channels) and noise to images (n, out_channels, 1024, 1024) in [-1, 1]."""

    def __init__(self, in_channels: int = 256, out_channels: int = 3) -> None:
        super().__init__()
        self.latent_dim = in_channels
        start = _Spectral((in_channels, 2 * CHANNELS[4], 4, 4), transposed=True)
        self._init = _Layers(start, nn.BatchNorm2d(2 * CHANNELS[4]), nn.GLU(1))
        for small, size in zip(list(CHANNELS)[:-1], list(CHANNELS)[1:], strict=True):
            self.add_module(f"_upsample_{size}", _doubling(CHANNELS[small], CHANNELS[size], size in GRAINED))
        for size, small in EXCITED.items():
            self.add_module(f"_sle_{size}", _excitation(CHANNELS[small], CHANNELS[size]))
        self._out_128 = nn.Sequential(
            _Spectral((out_channels, CHANNELS[128], 1, 1)), nn.Tanh()
        )  # of the paper's, unused
        self._out_1024 = nn.Sequential(_Spectral((out_channels, CHANNELS[1024], 3, 3)), nn.Tanh())

    def forward(self, latent: Tensor, noise: Iterator[Tensor]) -> Tensor:
        """Return images; ``noise`` gives maps (n, 1, size, size), two of each of ``GRAINED`` from 8 up."""
        at = {4: self._init(latent[:, :, None, None], noise)}
        for size in list(CHANNELS)[1:]:
            x = self.get_submodule(f"_upsample_{size}")(at[size // 2], noise)
            if size in EXCITED:
                x = x * self.get_submodule(f"_sle_{size}")(at[EXCITED[size]], noise)
            at[size] = x
        images: Tensor = self._out_1024(at[1024])
        return images


class _Layers(nn.Module):
    """Layers one after the other; those that add noise take the next map."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self._layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, noise: Iterator[Tensor]) -> Tensor:
        for layer in self._layers:
            x = layer(x, next(noise)) if isinstance(layer, _Grain) else layer(x)
        return x


class _Grain(nn.Module):
    """Noise, the same in every channel, by a weight that was learned."""

    def __init__(self) -> None:
        super().__init__()
        self._weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return x + self._weight * noise


class _Spectral(nn.Module):
    """A convolution without bias under spectral norm, whose tensors are ``_conv.weight_orig``, ``_u`` and ``_v``."""

    def __init__(self, shape: tuple[int, int, int, int], transposed: bool = False) -> None:
        super().__init__()
        self.transposed = transposed
        self._conv = _Stored(shape, shape[1] if transposed else shape[0])

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight()
        return conv_transpose2d(x, weight) if self.transposed else conv2d(x, weight, padding=weight.shape[-1] // 2)

    def weight(self) -> Tensor:
        """Return the weight by its largest singular value, as the stored vectors give it (arXiv 1802.05957)."""
        weight = self._conv.weight_orig
        rows = weight.transpose(0, 1) if self.transposed else weight
        return weight / (self._conv.weight_u @ (rows.flatten(1) @ self._conv.weight_v))


class _Stored(nn.Module):
    """What torch's first spectral norm stores: the weight as it is trained, and its two vectors."""

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, shape: tuple[int, int, int, int], channels: int) -> None:
        super().__init__()
        self.weight_orig = nn.Parameter(torch.zeros(shape))
        self.register_buffer("weight_u", torch.zeros(channels))
        self.register_buffer("weight_v", torch.zeros(math.prod(shape) // channels))


class _Squeeze(_Spectral):
    """The same, of what is as large as its kernel."""

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight())


def _doubling(wide: int, narrow: int, grained: bool) -> _Layers:
    layers: list[nn.Module] = [nn.Upsample(scale_factor=2)]
    for channels in (wide, narrow) if grained else (wide,):
        layers.append(_Spectral((2 * narrow, channels, 3, 3)))
        layers += [_Grain()] if grained else []
        layers += [nn.BatchNorm2d(2 * narrow), nn.GLU(1)]
    return _Layers(*layers)


def _excitation(small: int, large: int) -> _Layers:
    squeeze, weigh = _Squeeze((large, small, 4, 4)), _Spectral((large, large, 1, 1))
    return _Layers(nn.AdaptiveAvgPool2d(4), squeeze, nn.SiLU(), weigh, nn.Sigmoid())
