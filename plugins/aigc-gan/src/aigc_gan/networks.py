"""The DCGAN of the TensorFlow tutorial, for 28 x 28 grey images (Radford et al., arXiv 1511.06434)."""

from __future__ import annotations

import torch
from torch import nn

SLOPE = 0.3  # Keras' default LeakyReLU slope, which the tutorial uses; the paper has 0.2


class DcganGenerator(nn.Module):
    """Latents (n, latent_dim) to images (n, 1, 28, 28) in [-1, 1]."""

    def __init__(self, latent_dim: int = 100, width: int = 64) -> None:
        super().__init__()
        self.latent_dim, self.width = latent_dim, width
        self.project = nn.Linear(latent_dim, 7 * 7 * 4 * width, bias=False)
        self.norm0 = nn.BatchNorm1d(7 * 7 * 4 * width)
        self.up1 = nn.ConvTranspose2d(4 * width, 2 * width, 5, stride=1, padding=2, bias=False)
        self.norm1 = nn.BatchNorm2d(2 * width)
        self.up2 = nn.ConvTranspose2d(2 * width, width, 5, stride=2, padding=2, output_padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.up3 = nn.ConvTranspose2d(width, 1, 5, stride=2, padding=2, output_padding=1, bias=False)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        leaky = nn.functional.leaky_relu
        x = leaky(self.norm0(self.project(latent)), SLOPE).view(-1, 4 * self.width, 7, 7)
        x = leaky(self.norm1(self.up1(x)), SLOPE)
        x = leaky(self.norm2(self.up2(x)), SLOPE)
        return torch.tanh(self.up3(x))


class DcganDiscriminator(nn.Module):
    """Images (n, 1, 28, 28) in [-1, 1] to logits (n, 1)."""

    def __init__(self, width: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(1, width, 5, stride=2, padding=2)
        self.down2 = nn.Conv2d(width, 2 * width, 5, stride=2, padding=2)
        self.score = nn.Linear(7 * 7 * 2 * width, 1)
        self.dropout = dropout

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        leaky, drop = nn.functional.leaky_relu, nn.functional.dropout
        x = drop(leaky(self.down1(images), SLOPE), self.dropout, self.training)
        x = drop(leaky(self.down2(x), SLOPE), self.dropout, self.training)
        logits: torch.Tensor = self.score(x.flatten(1))
        return logits


def draw_weights(network: nn.Module) -> None:
    """Draw every weight matrix and kernel from N(0, 0.02), as section 4 of arXiv 1511.06434 does; biases are zero."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
