"""The adversarial update: two networks, two optimizers, a loss with a part for each (arXiv 1406.2661, algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from aigc_core.interfaces import Loss
from aigc_core.interfaces.trainer import TrainerState
from aigc_gan.optimizer_state import load_optimizer, optimizer_state


class AdversarialTrainer:
    """Trains a generator against a discriminator.

    ``update`` names the order. ``alternating``: the discriminator steps on detached fakes, then the generator steps
    against the new discriminator, two discriminator passes over the fakes. ``simultaneous``: both gradients come from
    one discriminator pass and both networks step after it, as TensorFlow's DCGAN tutorial does.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        loss: Loss,
        *,
        latent_dim: int,
        learning_rate: Mapping[str, float],
        betas: tuple[float, float],
        update: Literal["alternating", "simultaneous"],
    ) -> None:
        if update not in ("alternating", "simultaneous"):
            raise ValueError(f"update is {update!r}; it takes 'alternating' or 'simultaneous'")
        self.networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=learning_rate[name], betas=betas)
            for name, network in self.networks.items()
        }
        self.loss, self.latent_dim, self.update = loss, latent_dim, update

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        """Update both networks on real images (n, channels, height, width), n >= 1."""
        # Two latents even for a last batch of one image: batch norm has no statistics of a single row.
        latent = torch.randn(max(len(batch), 2), self.latent_dim, device=batch.device)
        if self.update == "simultaneous":
            return self.simultaneous_step(batch, latent)
        return self.discriminator_step(batch, latent) | self.generator_step(latent)

    def discriminator_step(self, real: Tensor, latent: Tensor) -> dict[str, Tensor]:
        """Update the discriminator alone; the generator keeps its weights and has no gradient.

        Its batch norm's running statistics move with the fakes that it makes, as they do in any step.
        """
        self.networks["generator"].zero_grad(set_to_none=True)
        with torch.no_grad():
            fake = self.networks["generator"](latent)
        real_logits, fake_logits = self._logits(real, fake)
        terms = self.loss("discriminator", {"real_logits": real_logits, "fake_logits": fake_logits})
        self._backward("discriminator", terms["loss"])
        self._apply("discriminator")
        return _report("discriminator", terms)

    def generator_step(self, latent: Tensor) -> dict[str, Tensor]:
        """Update the generator alone, against the discriminator as it stands, whose gradients are not touched."""
        fake_logits = self.networks["discriminator"](self.networks["generator"](latent))
        terms = self.loss("generator", {"fake_logits": fake_logits})
        self._backward("generator", terms["loss"])
        self._apply("generator")
        return _report("generator", terms)

    def simultaneous_step(self, real: Tensor, latent: Tensor) -> dict[str, Tensor]:
        """Update both networks from one discriminator pass; each loss is differentiated by its own network only."""
        real_logits, fake_logits = self._logits(real, self.networks["generator"](latent))
        inputs = {"real_logits": real_logits, "fake_logits": fake_logits}
        terms = {name: self.loss(name, inputs) for name in ("discriminator", "generator")}
        self._backward("generator", terms["generator"]["loss"], retain_graph=True)
        self._backward("discriminator", terms["discriminator"]["loss"])
        self._apply("discriminator")
        self._apply("generator")
        return _report("discriminator", terms["discriminator"]) | _report("generator", terms["generator"])

    def _logits(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        # One pass over real and fake together is safe because no layer of ours mixes rows of a discriminator batch.
        logits = self.networks["discriminator"](torch.cat([real, fake]))
        return logits[: len(real)], logits[len(real) :]

    def _backward(self, name: str, loss: Tensor, retain_graph: bool = False) -> None:
        parameters = list(self.networks[name].parameters())
        gradients = torch.autograd.grad(loss, parameters, retain_graph=retain_graph, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient

    def _apply(self, name: str) -> None:
        self.optimizers[name].step()

    def state(self) -> TrainerState:
        """Weights, buffers and both Adam states."""
        tensors: dict[str, Tensor] = {}
        groups: dict[str, Any] = {}
        for name, network in self.networks.items():
            tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
            moments, groups[name] = optimizer_state(self.optimizers[name])
            tensors |= {f"{name}.optimizer.{key}": value for key, value in moments.items()}
        return TrainerState(tensors, {"optimizers": groups})

    def load_state(self, state: TrainerState) -> None:
        """Restore ``state()``. Raises ``ValueError`` on a missing, extra or misshapen entry."""
        left = dict(state.tensors)
        for name, network in self.networks.items():
            prefix = f"{name}.optimizer."
            moments = {key[len(prefix) :]: left.pop(key) for key in list(left) if key.startswith(prefix)}
            weights = {key[len(name) + 1 :]: left.pop(key) for key in list(left) if key.startswith(f"{name}.")}
            try:
                network.load_state_dict(weights, strict=True)
            except RuntimeError as error:
                raise ValueError(f"{name}: {error}") from error
            load_optimizer(self.optimizers[name], moments, state.json["optimizers"][name])
        if left:
            raise ValueError(f"tensors that belong to no network: {', '.join(sorted(left))}")


def _report(network: str, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{network}/{name}": value.detach() for name, value in terms.items()}
