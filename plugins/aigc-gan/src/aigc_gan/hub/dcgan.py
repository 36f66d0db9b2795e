"""The generator of PyTorch's DCGAN tutorial as huggan's script saves it (arXiv 1511.06434)."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class TutorialDcgan64(nn.Module):
    """Latents (n, latent_dim) to images (n, num_channels, 64, 64) in [-1, 1]; its tensors are ``model.N``."""

    def __init__(self, num_channels: int = 3, latent_dim: int = 100, hidden_size: int = 64) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        channels = [latent_dim, *(hidden_size * times for times in (8, 4, 2, 1))]
        layers: list[nn.Module] = []
        for at, (wide, narrow) in enumerate(pairwise(channels)):
            stride, padding = (2, 1) if at else (1, 0)
            layers.append(nn.ConvTranspose2d(wide, narrow, 4, stride, padding, bias=False))
            layers += [nn.BatchNorm2d(narrow), nn.ReLU()]
        colour = nn.ConvTranspose2d(hidden_size, num_channels, 4, 2, 1, bias=False)
        self.model = nn.Sequential(*layers, colour, nn.Tanh())

    def forward(self, latent: Tensor) -> Tensor:
        images: Tensor = self.model(latent[:, :, None, None])
        return images
