"""PatchGAN: a discriminator that judges patches, not images (arXiv 1611.07004, sections 3.2.2 and 6.1.2)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from aigc_gan.networks import draw_weights
from aigc_gan.translate.unet import normalised

DOMAINS = ("source", "target")
"""What CycleGAN's two sides are called."""


class Patch(nn.Module):
    """Images (n, in_channels, h, w) to a logit for each patch: (n * patches, 1), a row's patches one after another.

    ``halvings`` layers of stride 2, then two of stride 1. A patch has 16 pixels a side for 1, 34 for 2 and, for 3, the
    70 that both papers use at 256 x 256. Norm is per row: no row depends on another.
    """

    def __init__(self, in_channels: int, width: int = 64, halvings: int = 3) -> None:
        super().__init__()
        if halvings < 1:
            raise ValueError("halvings is a number from 1 up")
        sizes = [min(width << level, 8 * width) for level in range(halvings + 1)]
        self.layers = nn.ModuleList(
            nn.Conv2d(given, made, 4, stride=2 if level < halvings else 1, padding=1, bias=level == 0)
            for level, (given, made) in enumerate(zip([in_channels, *sizes], sizes, strict=False))
        )
        self.score = nn.Conv2d(sizes[-1], 1, 4, stride=1, padding=1)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        for level, layer in enumerate(self.layers):
            x = layer(x)
            x = leaky_relu(normalised(x) if level else x, 0.2)
        logits: Tensor = self.score(x).reshape(-1, 1)
        return logits


class PatchPair(nn.Module):
    """CycleGAN's two discriminators: one for each domain."""

    def __init__(self, in_channels: int = 1, width: int = 64, halvings: int = 3) -> None:
        super().__init__()
        self.of = nn.ModuleDict({name: Patch(in_channels, width, halvings) for name in DOMAINS})

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(self, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map images (n, c, h, w) of each domain to that domain's logits."""
        return {name: self.of[name](images[name]) for name in images}
