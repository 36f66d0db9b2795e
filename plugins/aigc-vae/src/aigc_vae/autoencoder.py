"""A variational autoencoder as its trainer and its estimators see it, whatever its layers are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from aigc_vae.evidence import Drawn
from aigc_vae.likelihoods import Likelihood
from aigc_vae.priors import VampPrior, mixture_log_density


class VariationalAutoencoder(nn.Module):
    """q(z | x), p(z) and p(x | z) of images (n, c, h, w) in [0, 1]; a subclass says how both are computed.

    With ``classes``, everything is given the image's class: labels (n,), int64 (arXiv 1406.5298, model M2).
    """

    latent_dim: int
    """How many numbers a latent has, d."""
    shape: tuple[int, int, int]
    """An image's channels, height and width."""
    classes: int = 0
    """How many classes condition it; 0 where none does."""
    likelihood: Likelihood
    prior: VampPrior | None
    """What learns the prior; None where that is N(0, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.prior = None  # of the instance: an attribute of the class would hide the module that takes its place

    def encode(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z | x), each (n, d)."""
        raise NotImplementedError

    def decode(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the likelihood's parameters (n, per_value * c, h, w) of latents (n, d)."""
        raise NotImplementedError

    def log_prior(self, latent: Tensor) -> Tensor | None:
        """Return ln p(z) of latents (n, k, d), (n, k); None where the prior is N(0, 1)."""
        if self.prior is None:
            return None
        return mixture_log_density(latent, *self.encode(self.prior()))

    def one_hot(self, labels: Tensor | None) -> Tensor:
        """Return the classes of labels (n,) as numbers that layers take, (n, classes). Raises ``ValueError`` for none.

        A label that is no class raises ``RuntimeError``.
        """
        if labels is None:
            raise ValueError(f"a network of {self.classes} classes is given each image's label")
        return one_hot(labels, self.classes).to(torch.get_default_dtype())

    def forward(self, images: Tensor, noise: Tensor, labels: Tensor | None = None) -> Drawn:
        """Draw k latents of each image's posterior, by ``noise`` (n, k, d) of standard normal numbers."""
        mean, log_variance = self.encode(images, labels)
        n, k, d = noise.shape
        latent = mean.unsqueeze(1) + (0.5 * log_variance).exp().unsqueeze(1) * noise
        repeated = None if labels is None else labels.repeat_interleave(k)
        parameters = self.decode(latent.view(n * k, d), repeated)
        log_likelihood = self.likelihood.log_prob(parameters.view(n, k, *parameters.shape[1:]), images.unsqueeze(1))
        return Drawn(log_likelihood, self.log_prior(latent), noise, latent, mean, log_variance)
