"""CycleGAN's generators: residual blocks between two halvings and two doublings (arXiv 1703.10593, section 7.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from aigc_gan.networks import draw_weights
from aigc_gan.translate.unet import normalised


class Residual(nn.Module):
    """Images (n, in_channels, h, w) to images (n, out_channels, h, w) in [-1, 1]; 4 divides both sides.

    c7s1-64, d128, d256, R256 a block, u128, u64, c7s1-3 of the paper, with 64 as ``width`` and its 6 ``blocks`` for
    128 x 128 (9 from 256 x 256 up). Every layer but the last has instance norm, which would take a bias away again.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.enter = nn.Conv2d(in_channels, width, 7, bias=False)
        self.down1 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False)
        self.down2 = nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1, bias=False)
        self.blocks = nn.ModuleList(Block(4 * width) for _ in range(blocks))
        self.up1 = nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.up2 = nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.leave = nn.Conv2d(width, out_channels, 7)

    def forward(self, images: Tensor) -> Tensor:
        x = relu(normalised(self.enter(mirrored(images, 3))))
        for layer in (self.down1, self.down2):
            x = relu(normalised(layer(x)))
        for block in self.blocks:
            x = block(x)
        for widening in (self.up1, self.up2):
            x = relu(normalised(widening(x)))
        return torch.tanh(self.leave(mirrored(x, 3)))


class Block(nn.Module):
    """What is added to an image: two layers that keep its shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = relu(normalised(self.first(mirrored(x, 1))))
        return x + normalised(self.second(mirrored(inner, 1)))


class CyclePair(nn.Module):
    """CycleGAN's two generators, from the source domain to the target's and back: the model that ships holds both."""

    def __init__(self, channels: int, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.forth = Residual(channels, channels, width, blocks)
        self.back = Residual(channels, channels, width, blocks)

    def initialise(self) -> None:
        """Draw the first weights of a training, from N(0, 0.02), as section 7.1 does."""
        draw_weights(self)

    def forward(self, images: Tensor, back: bool = False) -> Tensor:
        made: Tensor = (self.back if back else self.forth)(images)
        return made


class Cycle28(CyclePair):
    """Grey images (n, 1, 28, 28) in [-1, 1] from one domain to another, and back."""

    def __init__(self, width: int = 16, blocks: int = 4) -> None:
        super().__init__(1, width, blocks)


def mirrored(values: Tensor, by: int) -> Tensor:
    """Return values (n, c, h, w) with ``by`` more pixels on each side, reflected at the edge."""
    return pad(values, (by, by, by, by), mode="reflect")
