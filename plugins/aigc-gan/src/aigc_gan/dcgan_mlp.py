"""A 64 x 64 colour GAN whose generator is a perceptron first and transposed convolutions then."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from aigc_gan.networks import draw_weights
from aigc_gan.trunk import told

LEAK = 0.2


class MlpDcganGenerator64(nn.Module):
    """Latents (n, 128) to images (n, 3, 64, 64) in [-1, 1].

    Linear layers 128, 256, 512, 1,024 and 256 x 4 x 4, then kernels of 4: one of stride 1 without padding (to 7 x 7),
    three of stride 2 with padding 1 (14, 28, 56). Those alone never give 64; the last kernel is of 9 and does.
    """

    def __init__(self, latent_dim: int = 128, width: int = 32) -> None:
        super().__init__()
        self.latent_dim, self.width = latent_dim, width
        sizes = [latent_dim, 256, 512, 1024, 4 * 4 * 8 * width]
        self.hidden = nn.ModuleList(nn.Linear(*pair, bias=False) for pair in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in sizes[1:])
        self.up = nn.Sequential()
        for wide, stride, padding in ((8, 1, 0), (4, 2, 1), (2, 2, 1), (1, 2, 1)):
            channels = max(wide // 2, 1) * width
            larger = nn.ConvTranspose2d(wide * width, channels, 4, stride, padding, bias=False)
            self.up.extend([larger, nn.BatchNorm2d(channels), nn.ReLU()])
        self.colour = nn.ConvTranspose2d(width, 3, 9)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(self, latent: Tensor) -> Tensor:
        for layer, norm in zip(self.hidden, self.norms, strict=True):
            latent = norm(layer(latent)).relu()
        images: Tensor = self.colour(self.up(latent.view(-1, 8 * self.width, 4, 4))).tanh()
        return images


class SmallDiscriminator64(nn.Module):
    """Images (n, 3, 64, 64) to logits (n, 1): 64, 128 and 256 channels at 32, 16 and 8, then one number."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 4 * width]
        self.down = nn.ModuleList(
            nn.Conv2d(narrow, wide, 4, stride=2, padding=1) for narrow, wide in pairwise(channels)
        )
        self.score = nn.Conv2d(4 * width, 1, 8)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        x = images
        for layer in self.down:
            x = nn.functional.leaky_relu(layer(x), LEAK)
        return told(self.score(x).flatten(1), heads, features=x.flatten(1))
