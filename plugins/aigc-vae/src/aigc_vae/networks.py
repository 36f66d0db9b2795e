"""The variational autoencoder of Kingma and Welling (arXiv 1312.6114, appendix C), for 28 x 28 grey images."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import relu

SIDE = 28


class Mlp28(nn.Module):
    """One hidden layer each way: images (n, 1, 28, 28) in [0, 1] to a normal posterior, latents to pixel logits."""

    def __init__(self, hidden: int = 400, latent_dim: int = 20) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Linear(SIDE * SIDE, hidden)
        self.posterior = nn.Linear(hidden, 2 * latent_dim)
        self.decoder = nn.Linear(latent_dim, hidden)
        self.pixels = nn.Linear(hidden, SIDE * SIDE)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z | x), each (n, latent_dim)."""
        mean, log_variance = self.posterior(relu(self.encoder(images.flatten(1)))).chunk(2, 1)
        return mean, log_variance

    def decode(self, latent: Tensor) -> Tensor:
        """Return the logits (n, 1, 28, 28) of p(x | z), one Bernoulli a pixel."""
        logits: Tensor = self.pixels(relu(self.decoder(latent)))
        return logits.view(-1, 1, SIDE, SIDE)

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, mean and log variance at z = mean + deviation * ``noise``, which is (n, latent_dim)."""
        mean, log_variance = self.encode(images)
        return self.decode(mean + noise * (0.5 * log_variance).exp()), mean, log_variance
