"""The plugin's models as the core runs them: arrays in, arrays out, around its networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Latents, LatentSpec, NoiseSpec, Samples
from aigc_core.weights import load_module
from aigc_vae import conv, made, networks, vae_gan
from aigc_vae.autoencoder import VariationalAutoencoder
from aigc_vae.between import straight
from aigc_vae.evidence import log_weights

Own = TypeVar("Own", bound="Coder")
_CLAIMED = ("model_type", "library_name")
"""What a config.json on the Hub has beside the network's own, so that the plugin is found."""


class Coder:
    """A variational autoencoder as a generator and an autoencoder; images are float32 in [0, 1].

    A sample is a latent of the prior, decoded to the mean image. Where images have classes, sample *i* has that which
    its noise ``class`` falls on, unless the option ``class`` says one for all; to encode and to decode it must be said.
    """

    engine, dtype = "torch", "float32"
    kind: ClassVar[type[VariationalAutoencoder]]

    def __init__(self, network: VariationalAutoencoder, device: str) -> None:
        self.network, self.device = network, device
        self.latent = LatentSpec((network.latent_dim,))
        self.noise: dict[str, NoiseSpec] = {"latent": NoiseSpec((network.latent_dim,), "normal")}
        if network.prior is not None:
            self.noise["component"] = NoiseSpec((), "uniform")
        if network.classes:
            self.noise["class"] = NoiseSpec((), "uniform")

    @classmethod
    def open(cls: type[Own], config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Own:
        """Load the safetensors file. ``config`` has what the network is built with."""
        given = {name: value for name, value in config.items() if name not in _CLAIMED}
        return cls(load_module(lambda: cls.kind(**given), weights, device), device)

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Map noise ``latent`` (n, d), and ``component`` or ``class`` (n,) where there are any, to images."""
        given = {name: self._tensor(values) for name, values in noise.items()}
        latent = given["latent"]
        if (prior := self.network.prior) is not None:
            mean, log_variance = self.network.encode(prior.chosen(given["component"]))
            latent = mean + (0.5 * log_variance).exp() * latent
        return self._images(latent, self._labels(options, len(latent), given.get("class")))

    @torch.inference_mode()
    def encode(self, images: np.ndarray, options: Mapping[str, Any]) -> Latents:
        """Return mean and deviation of q(z | x) of images (n, c, h, w), each (n, d)."""
        mean, log_variance = self.network.encode(self._tensor(images), self._labels(options, len(images)))
        return Latents(mean.cpu().numpy(), (0.5 * log_variance).exp().cpu().numpy())

    @torch.inference_mode()
    def decode(self, latents: np.ndarray, options: Mapping[str, Any]) -> Samples:
        """Map latents (n, d) to images (n, c, h, w)."""
        return self._images(self._tensor(latents), self._labels(options, len(latents)))

    def between(self, one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the latents on the straight line from one (d,) to another."""
        return straight(one, other, weights)

    def _images(self, latent: Tensor, labels: Tensor | None) -> Samples:
        count = len(latent)
        if count == 1:  # kernels for a lone row add in another order, and a sample must not depend on its batch
            latent, labels = latent.repeat(2, 1), None if labels is None else labels.repeat(2)
        images = self.network.likelihood.mean(self.network.decode(latent, labels))[:count]
        return Samples("image", images.cpu().numpy(), (0.0, 1.0))

    def _labels(self, options: Mapping[str, Any], count: int, uniform: Tensor | None = None) -> Tensor | None:
        classes = self.network.classes
        if not classes:
            return None
        if (chosen := options.get("class")) is not None:
            if not 0 <= chosen < classes:
                raise WrongUse(f"There is no class {chosen}: this model has classes 0 to {classes - 1}.")
            return torch.full((count,), chosen, device=self.device)
        if uniform is None:
            raise _unclassed(classes)
        return (uniform * classes).long().clamp(max=classes - 1)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.tensor(values, device=self.device)  # a copy, for the array may be read-only


class Weighed:
    """The density of a ``Coder``'s images, by importance weights of its posterior's draws."""

    exact: ClassVar[bool] = False
    network: VariationalAutoencoder
    device: str

    @property
    def levels(self) -> int:
        """How many levels a pixel has to its likelihood; 0 of a density."""
        return self.network.likelihood.levels

    @property
    def draw(self) -> NoiseSpec:
        """The noise of one importance sample."""
        return NoiseSpec((self.network.latent_dim,), "normal")

    @torch.inference_mode()
    def log_weights(self, images: np.ndarray, labels: np.ndarray | None, noise: np.ndarray) -> np.ndarray:
        """Return ln p(x, z_j) / q(z_j | x) in nats, float64 (n, k), of ``noise`` (n, k, d)."""
        classes = self.network.classes
        if classes and labels is None:
            raise _unclassed(classes)
        if classes and labels is not None and not ((labels >= 0) & (labels < classes)).all():
            raise WrongUse(f"There is no class {labels.max()}: this model has classes 0 to {classes - 1}.")
        given, drawn_by = (torch.tensor(values, device=self.device) for values in (images, noise))
        of = torch.tensor(labels, device=self.device) if classes else None
        found: np.ndarray = log_weights(self.network(given, drawn_by, of)).double().cpu().numpy()
        return found


class Mlp28(Coder, Weighed):
    """Two multilayer perceptrons for 28 x 28 grey images (arXiv 1312.6114)."""

    kind = networks.Mlp28


class Conv28(Coder, Weighed):
    """A convolutional one."""

    kind = conv.Conv28


class VaeGan28(Coder):
    """One that a discriminator trained (arXiv 1512.09300): it says nothing of how likely an image is."""

    kind = vae_gan.VaeGan28


class Made28:
    """MADE for 28 x 28 images of black and white (arXiv 1502.03509): exact likelihoods, no latents."""

    engine, dtype = "torch", "float32"
    exact, levels = True, 2
    draw = NoiseSpec((1,), "normal")

    def __init__(self, network: made.Made28, device: str) -> None:
        self.network, self.device = network, device
        self.noise: Mapping[str, NoiseSpec] = {"pixels": NoiseSpec((math.prod(network.shape),), "uniform")}

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Made28:
        """Load the safetensors file. ``config`` has ``hidden``."""
        return cls(load_module(lambda: made.Made28(config["hidden"]), weights, device), device)

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Draw images (n, 1, 28, 28) of 0 and 1, each pixel by its own number of ``pixels`` (n, 784)."""
        images = self.network.sample(torch.tensor(noise["pixels"], device=self.device))
        return Samples("image", images.cpu().numpy(), (0.0, 1.0))

    @torch.inference_mode()
    def log_weights(self, images: np.ndarray, labels: np.ndarray | None, noise: np.ndarray) -> np.ndarray:
        """Return ln p(x) in nats, float64 (n, k): the same for every one of the k draws of ``noise``."""
        exact: np.ndarray = self.network(torch.tensor(images, device=self.device)).double().cpu().numpy()
        return np.repeat(exact[:, None], noise.shape[1], axis=1)


def _unclassed(classes: int) -> WrongUse:
    return WrongUse("This model is given an image's class, and none was said.", f"Say it: --class 0 to {classes - 1}.")
