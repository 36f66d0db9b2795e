"""A convolutional variational autoencoder for 28 x 28 grey images, with a choice of what its pixels are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from aigc_vae.autoencoder import VariationalAutoencoder
from aigc_vae.likelihoods import Bernoulli, Gaussian, Likelihood
from aigc_vae.logistic import LogisticMixture

SIDE = 28
LIKELIHOODS: Mapping[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "logistic-mixture": LogisticMixture,
}


class Conv28(VariationalAutoencoder):
    """Two strided convolutions down, 28 - 14 - 7, and two transposed ones back; ``width`` channels at 14, twice at 7.

    With ``classes``, the label's one-hot stands beside the image as planes of 0 and 1, and beside the latent.
    """

    shape = (1, SIDE, SIDE)

    def __init__(self, width: int = 32, latent_dim: int = 20, classes: int = 0, likelihood: str = "bernoulli") -> None:
        super().__init__()
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood is {likelihood!r}; it takes {', '.join(LIKELIHOODS)}")
        self.latent_dim, self.classes, self.width = latent_dim, classes, width
        self.likelihood = LIKELIHOODS[likelihood]()
        self.down1 = nn.Conv2d(1 + classes, width, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.posterior = nn.Linear(2 * width * 7 * 7, 2 * latent_dim)
        self.project = nn.Linear(latent_dim + classes, 2 * width * 7 * 7)
        # A kernel that the stride divides: every pixel has as many of its weights, so no checkered grain.
        self.up1 = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(width, self.likelihood.per_value, 4, stride=2, padding=1)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if self.classes:
            planes = self.one_hot(labels)[:, :, None, None].expand(-1, -1, *images.shape[2:])
            images = torch.cat([images, planes], 1)
        features = relu(self.down2(relu(self.down1(images))))
        mean, log_variance = self.posterior(features.flatten(1)).chunk(2, 1)
        return mean, log_variance

    def decode(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        given = torch.cat([latent, self.one_hot(labels)], 1) if self.classes else latent
        features = relu(self.project(given)).view(-1, 2 * self.width, 7, 7)
        parameters: Tensor = self.up2(relu(self.up1(features)))
        return parameters
