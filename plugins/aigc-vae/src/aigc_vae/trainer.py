"""The update of a variational autoencoder: one network, one loss, one draw of the posterior (arXiv 1312.6114)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from aigc_core.interfaces import Loss, NoiseSpec, Trainer


class EvidenceTrainer(Trainer):
    """Maximises the evidence lower bound of images (n, 1, 28, 28) in [0, 1].

    The network has a ``latent_dim``, takes images and noise, and returns logits, mean and log variance. ``binarise``
    says what becomes of grey pixels: with ``none`` they stay, with ``dynamic`` each step draws black or white with the
    pixel as probability (as in arXiv 1509.00519), and the bound is one of binary images.
    """

    roles: ClassVar[Mapping[str, str]] = {"autoencoder": "networks"}

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, Loss],
        *,
        binarise: Literal["none", "dynamic"] = "none",
    ) -> None:
        if binarise not in ("none", "dynamic"):
            raise ValueError(f"binarise is {binarise!r}; it takes 'none' or 'dynamic'")
        latent_dim = getattr(networks["autoencoder"], "latent_dim", None)
        if not isinstance(latent_dim, int):
            raise ValueError("the autoencoder does not say its latent_dim")
        self.networks = dict(networks)
        self.loss, self.binarise = losses["evidence"], binarise
        self.noise: Mapping[str, NoiseSpec] = {"latent": NoiseSpec((latent_dim,), "normal")}

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Yield the autoencoder's terms, in nats an image: ``loss``, ``reconstruction`` and ``kl``."""
        images = batch["images"] if self.binarise == "none" else torch.bernoulli(batch["images"])
        logits, mean, log_variance = self.networks["autoencoder"](images, noise["latent"])
        inputs = {"logits": logits, "images": images, "mean": mean, "log_variance": log_variance}
        yield {"autoencoder": self.loss("autoencoder", inputs)}

    def warnings(self, losses: Mapping[str, float]) -> list[str]:
        """Say where pixels cannot be probabilities, and where the latents carry nothing."""
        found = []
        if losses.get("autoencoder/reconstruction", 0.0) < 0:
            found.append("The reconstruction is below 0 nats: pixels must lie in [0, 1]; set data.range to [0, 1].")
        if losses.get("autoencoder/kl", 1.0) < 0.1:
            found.append("The KL is below 0.1 nats: the latents say nothing of the image (posterior collapse).")
        return found
