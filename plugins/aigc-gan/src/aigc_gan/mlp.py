"""Multilayer perceptrons for 28 x 28 grey images: as the first GAN was (arXiv 1406.2661, section 5)."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from aigc_gan.trunk import draw_kaiming, told

LEAK = 0.2
PIXELS = 28 * 28


class MlpGenerator28(nn.Module):
    """Latents (n, latent_dim) to images (n, 1, 28, 28) in [-1, 1], by layers of 1, 2 and 4 times ``width``."""

    def __init__(self, latent_dim: int = 100, width: int = 256) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        sizes = [latent_dim, width, 2 * width, 4 * width]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.pixels = nn.Linear(sizes[-1], PIXELS)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_kaiming(self, LEAK)

    def forward(self, latent: Tensor) -> Tensor:
        for layer in self.hidden:
            latent = nn.functional.leaky_relu(layer(latent), LEAK)
        images: Tensor = self.pixels(latent).tanh().view(-1, 1, 28, 28)
        return images


class MlpDiscriminator28(nn.Module):
    """Images (n, 1, 28, 28) to logits (n, 1), by layers of 4, 2 and 1 times ``width``, each with dropout."""

    def __init__(self, width: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        sizes = [PIXELS, 4 * width, 2 * width, width]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.score = nn.Linear(width, 1)
        self.dropout = dropout

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_kaiming(self, LEAK)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        x = images.flatten(1)
        for layer in self.hidden:
            x = nn.functional.dropout(nn.functional.leaky_relu(layer(x), LEAK), self.dropout, self.training)
        return told(self.score(x), heads, features=x)
