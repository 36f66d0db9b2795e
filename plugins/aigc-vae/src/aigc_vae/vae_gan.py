"""VAE-GAN: a decoder judged by a discriminator, and by its features in the place of pixels (arXiv 1512.09300)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from aigc_core.interfaces import Loss, NoiseSpec, Trainer
from aigc_vae.conv import SIDE, Conv28
from aigc_vae.evidence import standard_divergence
from aigc_vae.trainer import check_images, loss_of


class VaeGan28(Conv28):
    """``Conv28`` whose images are its decoder's sigmoid; what its pixels' likelihood says was never trained."""

    def __init__(self, width: int = 32, latent_dim: int = 20) -> None:
        super().__init__(width, latent_dim)

    def forward(self, images: Tensor, noise: Tensor, prior: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        """Return the images of three latents of each row, (3 n, c, h, w), and mean and log variance of q(z | x).

        First those of the posterior, by ``noise`` (n, d); then the same, of latents that pass no gradient to the
        encoder; then those of ``prior`` (n, d).
        """
        mean, log_variance = self.encode(images)
        latent = mean + (0.5 * log_variance).exp() * noise
        parameters = self.decode(torch.cat([latent, latent.detach(), prior]))
        return self.likelihood.mean(parameters), mean, log_variance


class FeatureDiscriminator28(nn.Module):
    """Images (n, 1, 28, 28) to logits (n, 1), and on demand the features that those are made of."""

    shape = (1, SIDE, SIDE)

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(1, width, 5, stride=2, padding=2)
        self.down2 = nn.Conv2d(width, 2 * width, 5, stride=2, padding=2)
        self.score = nn.Linear(7 * 7 * 2 * width, 1)

    def forward(self, images: Tensor, features: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Return the logits; with ``features``, them and the second layer's output, (n, 98 * width)."""
        seen = leaky_relu(self.down2(leaky_relu(self.down1(images), 0.2)), 0.2).flatten(1)
        logits: Tensor = self.score(seen)
        return (logits, seen) if features else logits


class VaeGanTrainer(Trainer):
    """Algorithm 1: first the discriminator, then encoder and decoder, which are one network with one loss.

    The paper has the encoder minimise KL + R and the decoder gamma R + A, where R is the reconstruction's loss among
    the discriminator's features and A the adversarial one. Here both minimise KL + R + A / gamma: A takes latents that
    pass no gradient on, so the encoder gets none of it; KL has no gradient by the decoder, whose own is therefore the
    paper's divided by gamma, which optimizers such as Adam and RMSProp do not see. ``losses`` are ``evidence``, of
    the kind of ``vae:elbo``, and ``adversarial``, of the kind of ``gan:non-saturating``.
    """

    roles: ClassVar[Mapping[str, str]] = {"autoencoder": "networks", "discriminator": "discriminators"}

    def __init__(self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss], *, gamma: float = 0.01) -> None:
        super().__init__(networks, losses)
        if not 0 < gamma < math.inf:
            raise ValueError("gamma is a number above 0")
        self.loss = loss_of(losses, "evidence", "autoencoder", ("log_likelihood", "divergence"))
        loss_of(losses, "adversarial", "discriminator", ("real_logits", "fake_logits"))
        adversarial = loss_of(losses, "adversarial", "generator", ("fake_logits",))
        self.expose, self.deceive = (partial(adversarial, part) for part in ("discriminator", "generator"))
        self.gamma = gamma
        latent_dim: int = networks["autoencoder"].latent_dim  # type: ignore[assignment]
        spec = NoiseSpec((latent_dim,), "normal")
        self.noise: Mapping[str, NoiseSpec] = {"latent": spec, "prior": spec}

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` where a network wants other images than the data have."""
        for network in self.networks.values():
            check_images(network, shapes)

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Yield the discriminator's terms, then the autoencoder's; ``reconstruction`` is R up to a constant."""
        real, n = batch["images"], len(batch["images"])
        made, mean, log_variance = self.networks["autoencoder"](real, noise["latent"], noise["prior"])
        logits = self.networks["discriminator"](torch.cat([real, made[n:].detach()]))
        yield {"discriminator": self.expose({"real_logits": logits[:n], "fake_logits": logits[n:]})}
        logits, features = self.networks["discriminator"](torch.cat([real, made]), features=True)
        wanted, found = features[:n].detach(), features[n : 2 * n]
        # N(features of x; features of its reconstruction, 1), equation 7.
        log_likelihood = -0.5 * (found - wanted).square().sum(1, keepdim=True)
        divergence = standard_divergence(mean, log_variance)
        terms = self.loss("autoencoder", {"log_likelihood": log_likelihood, "divergence": divergence})
        deceived = self.deceive({"fake_logits": logits[2 * n :]})["loss"]
        yield {"autoencoder": terms | {"loss": terms["loss"] + deceived / self.gamma, "adversarial": deceived}}
