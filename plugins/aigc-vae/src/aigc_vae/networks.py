"""The variational autoencoder of Kingma and Welling (arXiv 1312.6114, appendix C), for 28 x 28 grey images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from aigc_vae.autoencoder import VariationalAutoencoder
from aigc_vae.likelihoods import Bernoulli
from aigc_vae.priors import VampPrior

SIDE = 28


class Mlp28(VariationalAutoencoder):
    """``layers`` hidden layers each way: images (n, 1, 28, 28) in [0, 1] to a normal posterior, latents to logits.

    With ``classes``, the label's one-hot stands beside the image and beside the latent. With ``pseudo_inputs``, so
    many of them make the prior (``VampPrior``); 0 is N(0, 1).
    """

    shape = (1, SIDE, SIDE)

    def __init__(
        self, hidden: int = 400, latent_dim: int = 20, classes: int = 0, pseudo_inputs: int = 0, layers: int = 1
    ) -> None:
        super().__init__()
        if classes and pseudo_inputs:
            raise ValueError("pseudo_inputs are for a network without classes: each would need a class of its own")
        self.latent_dim, self.classes = latent_dim, classes
        self.encoder = nn.Linear(SIDE * SIDE + classes, hidden)
        self.posterior = nn.Linear(hidden, 2 * latent_dim)
        self.decoder = nn.Linear(latent_dim + classes, hidden)
        self.pixels = nn.Linear(hidden, SIDE * SIDE)
        self.encoder_deeper, self.decoder_deeper = (
            nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers - 1)) for _ in range(2)
        )
        self.likelihood = Bernoulli()
        if pseudo_inputs:
            self.prior = VampPrior(pseudo_inputs, self.shape)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hidden = relu(self.encoder(self._beside(images.flatten(1), labels)))
        for layer in self.encoder_deeper:
            hidden = relu(layer(hidden))
        mean, log_variance = self.posterior(hidden).chunk(2, 1)
        return mean, log_variance

    def decode(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        hidden = relu(self.decoder(self._beside(latent, labels)))
        for layer in self.decoder_deeper:
            hidden = relu(layer(hidden))
        logits: Tensor = self.pixels(hidden)
        return logits.view(-1, 1, SIDE, SIDE)

    def _beside(self, values: Tensor, labels: Tensor | None) -> Tensor:
        return torch.cat([values, self.one_hot(labels)], 1) if self.classes else values
