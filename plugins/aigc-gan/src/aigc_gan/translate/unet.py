"""pix2pix's generator: an encoder, a decoder, and each level's skip between them (arXiv 1611.07004, section 6.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from aigc_gan.networks import draw_weights

DROPPED = 3
"""How many of the decoder's first levels have dropout, the noise of pix2pix: CD512-CD512-CD512 of section 6.1.1."""


class Unet(nn.Module):
    """Images (n, in_channels, s, s) to images (n, out_channels, s, s) in [-1, 1], where s is 2 to the ``levels``.

    Each level halves the side, down to 1 x 1, and doubles the channels, from ``width`` up to ``widest``: width 64,
    widest 512 and 8 levels are section 6.1.1 for 256 x 256. The paper's batch norm, at its batch of 1 and with the test
    batch's own statistics, is instance norm: that it is here, so that no row depends on another. The innermost level,
    of one pixel, has none. Before a norm there is no bias, for it would take it away again.
    """

    def __init__(
        self, in_channels: int, out_channels: int, levels: int, width: int = 64, widest: int = 512, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if levels < 2 or not 0 <= dropout < 1:
            raise ValueError("levels is a number from 2 up, dropout one from 0 to below 1")
        self.in_channels, self.out_channels, self.side, self.dropout = in_channels, out_channels, 2**levels, dropout
        sizes = [min(width << level, max(width, widest)) for level in range(levels)]
        self.down = nn.ModuleList(
            nn.Conv2d(given, made, 4, stride=2, padding=1, bias=level in (0, levels - 1))
            for level, (given, made) in enumerate(zip([in_channels, *sizes], sizes, strict=False))
        )
        inner = [sizes[-1], *(2 * size for size in reversed(sizes[:-1]))]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(given, made, 4, stride=2, padding=1, bias=level == levels - 1)
            for level, (given, made) in enumerate(zip(inner, [*reversed(sizes[:-1]), out_channels], strict=True))
        )

    def initialise(self) -> None:
        """Draw the first weights of a training, from N(0, 0.02), as section 6.2 does."""
        draw_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        levels = []
        x = images
        for level, layer in enumerate(self.down):
            x = layer(leaky_relu(x, 0.2) if level else x)
            x = normalised(x) if 0 < level < len(self.down) - 1 else x
            levels.append(x)
        for level, layer in enumerate(self.up[:-1]):
            x = normalised(layer(relu(x)))
            x = nn.functional.dropout(x, self.dropout, self.training) if level < DROPPED else x
            x = torch.cat([x, levels[-2 - level]], 1)
        return torch.tanh(self.up[-1](relu(x)))


class Pix2Pix64(Unet):
    """Drawings (n, 1, 64, 64) to colour (n, 3, 64, 64), both in [-1, 1]: 6 levels, for 64 x 64."""

    def __init__(self, width: int = 32, widest: int = 112, dropout: float = 0.5) -> None:
        super().__init__(1, 3, 6, width, widest, dropout)


def normalised(values: Tensor) -> Tensor:
    """Return values (n, c, h, w) with mean 0 and deviation 1 over each channel of each row (instance norm)."""
    return nn.functional.instance_norm(values)
