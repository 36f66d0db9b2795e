"""LightweightGAN's generator as huggan's files have it: FastGAN (arXiv 2101.04775) with other attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, normalize, pad

SKIPS = {3: 7, 4: 8, 5: 9, 6: 10}
"""What is seen at 2 ** (key + 1) pixels weighs the channels at 2 ** value pixels."""
HEADS, HEAD = 8, 64


class LightweightGan(nn.Module):
    """Latents (n, latent_dim) to colour images (n, 3, size, size), mostly in [0, 1].

    ``attn_res_layers`` are the sizes before whose doubling there is attention; ``blur`` blurs what is doubled.
    """

    def __init__(
        self,
        latent_dim: int = 256,
        image_size: int = 512,
        fmap_max: int = 512,
        fmap_inverse_coef: int = 12,
        attn_res_layers: Sequence[int] = (),
        blur: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.powers = range(2, image_size.bit_length() - 1)
        start = nn.ConvTranspose2d(latent_dim, 2 * latent_dim, 4)
        self.initial_conv = nn.Sequential(start, nn.BatchNorm2d(2 * latent_dim), nn.GLU(1))
        after = {power: 3 if power >= 8 else min(2 ** (fmap_inverse_coef - power), fmap_max) for power in self.powers}
        self.layers = nn.ModuleList()
        channels = latent_dim
        for power, narrow in after.items():
            seen = SKIPS.get(power, 0) - 1 in after
            context = _Context(narrow, after[SKIPS[power] - 1]) if seen else None
            attention = _Attention(channels) if 2**power in attn_res_layers else None
            self.layers.append(_Layer(_doubling(channels, narrow, blur), context, attention))
            channels = narrow
        self.out_conv = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        x, weights = normalize(self.initial_conv(latent[:, :, None, None])), dict[int, Tensor]()
        for power, layer in zip(self.powers, self.layers, strict=True):
            x, seen = layer(x)
            if seen is not None:
                weights[SKIPS[power]] = seen
            if power + 1 in weights:
                x = x * weights[power + 1]
        images: Tensor = self.out_conv(x)
        return images


class _Layer(nn.ModuleList):
    """Attention where there is any, the doubling, and what is seen then where a later layer is weighed by it."""

    def __init__(self, double: nn.Module, context: nn.Module | None, attention: nn.Module | None) -> None:
        super().__init__([double])
        self.add_module("1", context)
        self.add_module("2", attention)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        double, context, attention = self._modules.values()
        x = x if attention is None else x + attention(x)
        assert double is not None
        x = double(x)
        return x, None if context is None else context(x)


class _Context(nn.Module):
    """One weight for each channel, from what a learned map attends to (arXiv 2012.13375)."""

    def __init__(self, channels: int, wanted: int) -> None:
        super().__init__()
        middle = max(3, wanted // 2)
        self.to_k = nn.Conv2d(channels, 1, 1)
        self.net = nn.Sequential(
            nn.Conv2d(channels, middle, 1), nn.LeakyReLU(0.1), nn.Conv2d(middle, wanted, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        attended = self.to_k(x).flatten(2).softmax(-1)
        weights: Tensor = self.net((x.flatten(2) @ attended.transpose(1, 2)).unsqueeze(-1))
        return weights


class _Attention(nn.Module):
    """Attention that is linear in the number of pixels (arXiv 1812.01243), behind a norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fn, self.norm = _Attending(channels), _ChannelNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = self.fn(self.norm(x))
        return attended


class _ChannelNorm(nn.Module):
    """Each pixel's channels with mean 0 and variance 1, then scaled and moved."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.b = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * self.g + self.b


class _Depthwise(nn.Module):
    """A convolution channel by channel, then one pixel by pixel."""

    def __init__(self, channels: int, wanted: int) -> None:
        super().__init__()
        each = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.net = nn.Sequential(each, nn.Conv2d(channels, wanted, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.net(x)
        return mixed


class _Attending(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = HEADS * HEAD
        self.to_q = nn.Conv2d(channels, inner, 1, bias=False)
        self.to_kv = _Depthwise(channels, 2 * inner)
        self.to_out = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.to_q(x), *self.to_kv(x).chunk(2, 1)
        q, k, v = (part.unflatten(1, (HEADS, HEAD)).flatten(3) for part in parts)  # each (n, heads, head, pixels)
        q, k = q.softmax(2) * HEAD**-0.5, k.softmax(3)
        found = (v @ k.transpose(2, 3)) @ q
        out: Tensor = self.to_out(nn.functional.gelu(found.flatten(1, 2).unflatten(2, x.shape[2:])))
        return out


class _Blur(nn.Module):
    """A binomial filter of 3 x 3, mirrored at the rim."""

    f: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("f", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        kernel = torch.outer(self.f, self.f)
        kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 3, 3)
        return conv2d(pad(x, (1, 1, 1, 1), mode="reflect"), kernel, groups=x.shape[1])


def _doubling(wide: int, narrow: int, blur: bool) -> nn.Sequential:
    conv = nn.Conv2d(wide, 2 * narrow, 3, padding=1)
    between = _Blur() if blur else nn.Identity()
    return nn.Sequential(nn.Upsample(scale_factor=2), between, conv, nn.BatchNorm2d(2 * narrow), nn.GLU(1))
