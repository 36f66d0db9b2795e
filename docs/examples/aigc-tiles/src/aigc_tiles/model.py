"""The networks, and the generator that ``aigc-zoo run`` calls."""

import torch
from aigc_gan.generators import Images
from torch import nn


class Network(nn.Module):
    """Latents (n, latent_dim) to images (n, 1, 28, 28) in [-1, 1]: a corner of 14 x 14, mirrored twice."""

    def __init__(self, latent_dim=8, width=64):
        super().__init__()
        self.latent_dim = latent_dim
        self.corner = nn.Sequential(nn.Linear(latent_dim, width), nn.LeakyReLU(0.2), nn.Linear(width, 196))

    def forward(self, latent):
        corner = self.corner(latent).tanh().view(-1, 1, 14, 14)
        half = torch.cat([corner, corner.flip(3)], 3)
        return torch.cat([half, half.flip(2)], 2)


class Discriminator(nn.Module):
    """Images (n, 1, 28, 28) to logits (n, 1)."""

    def __init__(self, width=64):
        super().__init__()
        self.score = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, images):
        return self.score(images)


class Model(Images):
    """Opens ``Network`` from its weights, draws its noise and bounds it by the option ``truncation``."""

    kind = Network
