"""The update of a variational autoencoder: one network, one bound, k draws of the posterior (arXiv 1312.6114)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Loss, NoiseSpec, Trainer
from aigc_vae.evidence import Drawn, divergence, log_weights

_MEASURES: Mapping[str, Callable[[Drawn], Tensor]] = {
    "log_likelihood": lambda drawn: drawn.log_likelihood,
    "divergence": divergence,
    "log_weights": log_weights,
}
_WARMTH = "warmth"


class EvidenceTrainer(Trainer):
    """Maximises a bound on the likelihood of images (n, c, h, w) in [0, 1].

    The network is a ``VariationalAutoencoder``. ``draws`` is k, how many latents each image gets. ``warmup`` is over
    how many steps the ``warmth`` that a loss may ask for rises from 0 to 1.
    """

    roles: ClassVar[Mapping[str, str]] = {"autoencoder": "networks"}

    def __init__(
        self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss], *, draws: int = 1, warmup: int = 0
    ) -> None:
        super().__init__(networks, losses)
        if type(draws) is not int or type(warmup) is not int or draws < 1 or warmup < 0:
            raise ValueError("draws is a whole number from 1 up, warmup one from 0 up")
        latent_dim = getattr(networks["autoencoder"], "latent_dim", None)
        if not isinstance(latent_dim, int):
            raise ValueError("the autoencoder does not say its latent_dim")
        self.loss, self.warmup = loss_of(losses, "evidence", "autoencoder", (*_MEASURES, _WARMTH)), warmup
        self.wanted = self.loss.networks["autoencoder"]
        if warmup and _WARMTH not in self.wanted:
            raise ValueError("warmup is for a loss that takes a warmth, such as vae:beta-elbo")
        self.conditional = bool(getattr(networks["autoencoder"], "classes", 0))
        self.noise: Mapping[str, NoiseSpec] = {"latent": NoiseSpec((draws, latent_dim), "normal")}

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` where the network wants other images than the data have, or classes that they lack."""
        check_images(self.networks["autoencoder"], shapes)

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Yield the autoencoder's terms, in nats an image."""
        given = (batch["labels"],) if self.conditional else ()
        drawn = self.networks["autoencoder"](batch["images"], noise["latent"], *given)
        inputs = {name: _MEASURES[name](drawn) for name in self.wanted if name != _WARMTH}
        if _WARMTH in self.wanted:
            warmth = min(1.0, self.taken / self.warmup) if self.warmup else 1.0
            inputs[_WARMTH] = torch.tensor(warmth, device=drawn.mean.device)
        yield {"autoencoder": self.loss("autoencoder", inputs)}

    def warnings(self, losses: Mapping[str, float]) -> list[str]:
        """Say where the latents carry nothing."""
        if losses.get("autoencoder/kl", 1.0) < 0.1 and not 0 < self.taken < self.warmup:
            return ["The KL is below 0.1 nats: the latents say nothing of the image (posterior collapse)."]
        return []


def loss_of(losses: Mapping[str, Loss], name: str, role: str, given: tuple[str, ...]) -> Loss:
    """Return the loss of that name. Raises ``KeyError`` without it, ``ValueError`` where it is for something else.

    ``given`` are the inputs that the trainer has for a network of that role.
    """
    loss = losses[name]
    wanted = loss.networks.get(role)
    if wanted is None:
        raise ValueError(f"the loss {name} is for {' and '.join(loss.networks)}, not for {role}")
    if unknown := [each for each in wanted if each not in given]:
        raise ValueError(f"the loss {name} asks for {unknown[0]}; there is {', '.join(given)}")
    return loss


def check_images(network: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ``WrongUse`` where a network that says its ``shape`` and ``classes`` does not fit the data's rows."""
    shape = getattr(network, "shape", None)
    if shape is not None and shapes["images"] != tuple(shape):
        raise WrongUse(f"The network takes images of shape {list(shape)}, the data have {list(shapes['images'])}.")
    if getattr(network, "classes", 0) and "labels" not in shapes:
        raise WrongUse(
            "The network is given each image's class, and the data have no labels.", "Name them in data.source."
        )
