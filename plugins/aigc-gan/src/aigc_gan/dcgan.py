"""DCGANs for colour images of 32 x 32 and 64 x 64 (Radford et al., arXiv 1511.06434, figure 1 and section 3)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from aigc_gan.networks import draw_weights
from aigc_gan.spectral import spectral
from aigc_gan.trunk import told

COLOURS = 3
LEAK = 0.2
NORMS = ("spectral", "batch", "none")


class _Generator(nn.Module):
    """Latents (n, latent_dim) to colour images in [-1, 1]: 4 x 4, then doubled to ``size``, ``width`` channels last.

    The kernels are of 4, not 5: strides of 2 divide them, so every pixel is covered alike and no checkered grain comes.
    """

    size: ClassVar[int]

    def __init__(self, latent_dim: int = 100, width: int = 64) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        channels = [width * 2**power for power in reversed(range((self.size // 8).bit_length()))]
        self.project = nn.ConvTranspose2d(latent_dim, channels[0], 4, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        self.up = nn.Sequential()
        for wide, narrow in pairwise(channels):
            doubled = nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False)
            self.up.extend([doubled, nn.BatchNorm2d(narrow), nn.ReLU()])
        self.colour = nn.ConvTranspose2d(channels[-1], COLOURS, 4, stride=2, padding=1)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.norm(self.project(latent[:, :, None, None])).relu()
        images: Tensor = self.colour(self.up(x)).tanh()
        return images


class DcganGenerator32(_Generator):
    """Latents (n, latent_dim) to images (n, 3, 32, 32) in [-1, 1]: 4w x 4 x 4, 2w x 8 x 8, w x 16 x 16."""

    size = 32


class DcganGenerator64(_Generator):
    """Latents (n, latent_dim) to images (n, 3, 64, 64) in [-1, 1]: 8w x 4 x 4 to w x 32 x 32."""

    size = 64


class _Discriminator(nn.Module):
    """Colour images to logits (n, 1), halved down to 4 x 4.

    ``norm``: ``spectral`` (arXiv 1802.05957), ``none``, or ``batch`` as in the paper. Batch norm mixes the rows of a
    batch: with it, real and fake images judged in one pass are not judged as each alone, and a gradient penalty is not
    on one image.
    """

    size: ClassVar[int]

    def __init__(self, width: int = 64, norm: str = "spectral") -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm is {norm!r}; it takes {', '.join(NORMS)}")
        self.norm = norm
        channels = [COLOURS] + [width * 2**power for power in range((self.size // 8).bit_length())]
        self.down = nn.Sequential()
        for narrow, wide in pairwise(channels):
            halved = nn.Conv2d(narrow, wide, 4, stride=2, padding=1)
            self.down.append(spectral(halved) if norm == "spectral" else halved)
            if norm == "batch" and narrow != COLOURS:
                self.down.append(nn.BatchNorm2d(wide))
            self.down.append(nn.LeakyReLU(LEAK))
        score = nn.Linear(4 * 4 * channels[-1], 1)
        self.score = spectral(score) if norm == "spectral" else score

    def initialise(self) -> None:
        """Draw the first weights of a training; those under spectral norm are drawn already."""
        if self.norm != "spectral":
            draw_weights(self)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        features = self.down(images).flatten(1)
        return told(self.score(features), heads, features=features)


class DcganDiscriminator32(_Discriminator):
    """Images (n, 3, 32, 32) to logits (n, 1)."""

    size = 32


class DcganDiscriminator64(_Discriminator):
    """Images (n, 3, 64, 64) to logits (n, 1)."""

    size = 64
