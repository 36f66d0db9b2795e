"""The adversarial update: two networks, losses with a part for each (arXiv 1406.2661, algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Loss, NoiseSpec, Trainer
from aigc_core.train.checks import output_shape
from aigc_gan import terms
from aigc_gan.batch_norm import estimate_batch_norm
from aigc_gan.diagnostics import evaluating, gradient_norm, spectral_norms, spread
from aigc_gan.given import arguments, noise_of, two_rows
from aigc_gan.judged import GIVEN, Seen, judged
from aigc_gan.pack import packed
from aigc_gan.warnings import impossible, won

_TOLD = ("labels", "fake_labels", "code_class", "code_values")
"""What losses may ask for that no network says: classes of the rows, and what fakes were made with."""


class AdversarialTrainer(Trainer):
    """Trains a generator against a discriminator.

    ``update`` names the order. ``alternating``: the discriminator is updated on detached fakes, then the generator
    against the new discriminator, by a second pass over the same fakes. ``simultaneous``: both gradients come from one
    discriminator pass and both networks are updated after it, as TensorFlow's DCGAN tutorial does.

    ``critic_steps``: the generator is updated in the first step and in every n-th after it, the discriminator in each.
    ``clip_weights``: after each update no weight of the discriminator is larger (arXiv 1701.07875, algorithm 1).
    ``pac``: the discriminator judges so many samples at once, stacked along channels (arXiv 1712.04086).

    A generator that says its ``classes`` is given some, and so is a discriminator that says them too. ``losses`` are
    ``adversarial`` and any others; what each asks for is computed, and nothing else.
    """

    roles: ClassVar[Mapping[str, str]] = {"generator": "networks", "discriminator": "discriminators"}

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, Loss],
        *,
        update: str = "alternating",
        critic_steps: int = 1,
        clip_weights: float | None = None,
        pac: int = 1,
    ) -> None:
        super().__init__(networks, losses)
        if update not in ("alternating", "simultaneous"):
            raise ValueError(f"update is {update!r}; it takes 'alternating' or 'simultaneous'")
        if any(type(each) is not int or each < 1 for each in (critic_steps, pac)):
            raise ValueError("critic_steps and pac are whole numbers from 1 up")
        if clip_weights is not None and not 0 < clip_weights < math.inf:
            raise ValueError("clip_weights is a number above 0")
        terms.check(losses, self.roles, (*GIVEN, *_TOLD))
        self.update, self.critic_steps, self.clip_weights, self.pac = update, critic_steps, clip_weights, pac
        self.loss, self.losses = losses[terms.MAIN], dict(losses)
        self.wanted = {
            role: [*dict.fromkeys(name for loss in losses.values() for name in loss.networks.get(role, ()))]
            for role in self.roles
        }
        self.generator, self.noise = networks["generator"], noise_of(networks["generator"])
        self.by_class = bool(getattr(self.generator, "classes", 0) and getattr(networks["discriminator"], "classes", 0))
        if pac > 1 and (len(self.noise) > 1 or self._needs_labels()):
            raise ValueError("pac is for samples without classes or codes: a pack has more than one")
        if "mixed_gradients" in self.wanted["discriminator"]:
            self.noise["mixture"] = NoiseSpec((), "uniform")

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Update both networks on real images (n, channels, height, width), n >= 1."""
        training = torch.is_grad_enabled()
        both = not training or self.taken % self.critic_steps == 0
        roles = ("generator", "discriminator") if both and self.update == "simultaneous" else ("discriminator",)
        if len(noise["latent"]) == 1:  # batch norm has no statistics of a single row
            noise = two_rows(noise)
        given = arguments(self.generator, noise)
        with torch.set_grad_enabled(training and both):
            fake = self.networks["generator"](*given.values())
        first = fake if "generator" in roles else fake.detach()
        inputs = self._inputs(roles, batch, given, first, noise.get("mixture"))
        yield {role: terms.of(self.losses, role, inputs) for role in roles}
        if training and self.clip_weights is not None:
            self._clip(self.clip_weights)
        if both and "generator" not in roles:
            inputs = self._inputs(("generator",), batch, given, fake)
            yield {"generator": terms.of(self.losses, "generator", inputs)}

    def _inputs(
        self,
        roles: tuple[str, ...],
        batch: Mapping[str, Tensor],
        given: Mapping[str, Tensor],
        fake: Tensor,
        mixture: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return what the losses of some roles ask for."""
        wanted = {name for role in roles for name in self.wanted[role]}
        real, made = self._seen(batch, given, fake)
        found = judged(self.networks["discriminator"], real, made, [name for name in GIVEN if name in wanted], mixture)
        told = {"fake_labels": given.get("labels"), **{name: given.get(name) for name in ("code_class", "code_values")}}
        told["labels"] = batch.get("labels")
        return found | {name: values for name, values in told.items() if values is not None}

    def _seen(self, batch: Mapping[str, Tensor], given: Mapping[str, Tensor], fake: Tensor) -> tuple[Seen, Seen]:
        """Return what the discriminator looks at, real and fake."""
        labels = (batch["labels"], given["labels"]) if self.by_class else (None, None)
        return Seen(packed(batch["images"], self.pac), labels[0]), Seen(packed(fake, self.pac), labels[1])

    @torch.no_grad()
    def _clip(self, largest: float) -> None:
        for parameter in self.networks["discriminator"].parameters():
            parameter.clamp_(-largest, largest)

    def _needs_labels(self) -> bool:
        return self.by_class or any("labels" in wanted for wanted in self.wanted.values())

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` where the networks do not fit each other or the data."""
        if self._needs_labels() and "labels" not in shapes:
            raise WrongUse("The training looks at each image's class, and the data have none.", "See data.source.")
        noise = {name: torch.empty((2, *spec.shape), device="meta") for name, spec in self.noise.items()}
        latent, *others = arguments(self.generator, noise).values()
        made = output_shape("the generator", self.networks["generator"], tuple(latent.shape[1:]), *others)
        if made != shapes["images"]:
            raise WrongUse(
                f"The generator makes samples of shape {list(made)}, the data have {list(shapes['images'])}."
            )
        labels = others[:1] if self.by_class else []
        pack = (self.pac * made[0], *made[1:])
        logits = output_shape("the discriminator", self.networks["discriminator"], pack, *labels)
        if logits != (1,):
            raise WrongUse(f"The discriminator gives {list(logits)} for a sample; it must give one logit, [1].")

    def finish(self, model: nn.Module, seed: int) -> None:
        estimate_batch_norm(model, seed)

    def warnings(self, losses: Mapping[str, float]) -> list[str]:
        """Say where cross-entropies are impossible, or the discriminator has won; other losses' parts set aside."""
        if "generator/loss" not in losses or not getattr(self.loss, "cross_entropy", False):
            return []
        generator, discriminator = (
            losses[f"{role}/loss"] - sum(losses.get(f"{role}/{name}-loss", 0.0) for name in self.losses)
            for role in self.roles
        )
        pair = discriminator, generator
        # The bound holds for one pass: alternating, the second loss is against another discriminator.
        bound = getattr(self.loss, "bounded", False) and self.update == "simultaneous"
        return [text for text in (impossible(*pair) if bound else "", won(*pair)) if text]

    def diagnostics(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return logits and how samples vary, without dropout in the discriminator; gradients, layers' largest slopes.

        ``variance`` is the mean over pixels of the variance over the batch.
        """
        generator, discriminator = (self.networks[role] for role in self.roles)
        noise = two_rows(noise) if len(noise["latent"]) == 1 else noise
        given = arguments(self.generator, noise)
        own = {name: buffer.clone() for name, buffer in generator.named_buffers()}  # batch norm writes into these
        fake = torch.func.functional_call(generator, own, tuple(given.values()))
        norms = {f"{role}/gradient_norm": gradient_norm(self.networks[role]) for role in self.roles}
        known = {name: value for name, value in norms.items() if value is not None}
        with evaluating(discriminator):
            found = spread(discriminator, *self._seen(batch, given, fake))
            slopes = spectral_norms(discriminator)
        return known | found | {f"discriminator/spectral_norm/{name}": value for name, value in slopes.items()}
