"""The adversarial update: two networks, a loss with a part for each (arXiv 1406.2661, algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from aigc_core.interfaces import Loss, NoiseSpec, Trainer
from aigc_core.train.checks import check_adversarial_shapes
from aigc_gan.batch_norm import estimate_batch_norm
from aigc_gan.warnings import impossible, won

Terms = dict[str, Tensor]


class AdversarialTrainer(Trainer):
    """Trains a generator against a discriminator.

    ``update`` names the order. ``alternating``: the discriminator is updated on detached fakes, then the generator
    against the new discriminator, by a second pass over the same fakes. ``simultaneous``: both gradients come from one
    discriminator pass and both networks are updated after it, as TensorFlow's DCGAN tutorial does.
    """

    roles: ClassVar[Mapping[str, str]] = {"generator": "networks", "discriminator": "discriminators"}

    def __init__(
        self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss], *, update: str = "alternating"
    ) -> None:
        super().__init__(networks, losses)
        if update not in ("alternating", "simultaneous"):
            raise ValueError(f"update is {update!r}; it takes 'alternating' or 'simultaneous'")
        if losses.keys() != {"adversarial"}:
            raise ValueError(f"it takes one loss, adversarial, not {', '.join(losses) or 'none'}")
        self.update, self.loss = update, losses["adversarial"]
        self.latent_dim: int = networks["generator"].latent_dim  # type: ignore[assignment]
        self.noise = {"latent": NoiseSpec((self.latent_dim,), "normal")}

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, Terms]]:
        """Update both networks on real images (n, channels, height, width), n >= 1."""
        real, latent = batch["images"], noise["latent"]
        if len(latent) == 1:  # batch norm has no statistics of a single row
            latent = torch.cat([latent, torch.randn_like(latent)])
        fake = self.networks["generator"](latent)
        if self.update == "simultaneous":
            inputs = self._logits(real, fake)
            yield {name: self.loss(name, inputs) for name in ("generator", "discriminator")}
        else:
            yield {"discriminator": self.loss("discriminator", self._logits(real, fake.detach()))}
            logits = self.networks["discriminator"](fake)
            yield {"generator": self.loss("generator", {"fake_logits": logits})}

    def _logits(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        # One pass over real and fake together is safe because no layer of ours mixes rows of a discriminator batch.
        logits = self.networks["discriminator"](torch.cat([real, fake]))
        return {"real_logits": logits[: len(real)], "fake_logits": logits[len(real) :]}

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        check_adversarial_shapes(
            self.networks["generator"], self.networks["discriminator"], (self.latent_dim,), shapes["images"]
        )

    def finish(self, model: nn.Module, seed: int) -> None:
        estimate_batch_norm(model, self.latent_dim, seed)

    def warnings(self, losses: Mapping[str, float]) -> list[str]:
        pair = losses["discriminator/loss"], losses["generator/loss"]
        # The bound holds for one pass: alternating, the second loss is against another discriminator.
        bound = getattr(self.loss, "bounded", False) and self.update == "simultaneous"
        return [text for text in (impossible(*pair) if bound else "", won(*pair)) if text]
