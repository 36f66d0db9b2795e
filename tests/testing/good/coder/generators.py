"""A linear variational autoencoder of black and white images, and independent pixels, with numpy alone."""

import numpy as np
from safetensors.numpy import load_file

from aigc_core.errors import Refused
from aigc_core.interfaces import Latents, LatentSpec, NoiseSpec, Samples


def loaded(weights, shapes):
    (path,) = weights.values()
    tensors = load_file(path)
    if {name: values.shape for name, values in tensors.items()} != shapes:
        raise Refused(f"{path} does not fit.")
    return tensors


def sigmoid(values):
    return 1 / (1 + np.exp(-np.clip(values, -60, 60)))


class Coder:
    engine, dtype = "numpy", "float32"
    latent = LatentSpec((3,))
    noise = {"z": NoiseSpec((3,), "normal")}  # noqa: RUF012
    exact, levels, draw = False, 2, NoiseSpec((3,), "normal")

    def __init__(self, tensors):
        self.matrix = tensors["matrix"]

    @classmethod
    def open(cls, config, weights, device):
        return cls(loaded(weights, {"matrix": (16, 3)}))

    def _posterior(self, images):
        pixels = images.reshape(len(images), 16)
        means = (pixels[:, :, None] * self.matrix).sum(1)
        return means.astype(np.float32), np.exp(-np.abs(means)).astype(np.float32)

    def _means(self, latents):
        logits = (latents[..., None, :] * self.matrix).sum(-1)
        return sigmoid(logits).astype(np.float32)

    def encode(self, images, options):
        means, deviations = self._posterior(images)
        return Latents(means, deviations)

    def decode(self, latents, options):
        return Samples("image", self._means(latents).reshape(-1, 1, 4, 4), (0.0, 1.0))

    def generate(self, noise, options):
        return Samples("image", self._means(3 * noise["z"]).reshape(-1, 1, 4, 4), (0.0, 1.0))

    def between(self, one, other, weights):
        weights = weights[:, None]
        return ((1 - weights) * one + weights * other).astype(np.float32)

    def log_weights(self, images, labels, noise):
        means, deviations = (values[:, None].astype(np.float64) for values in self._posterior(images))
        z = means + deviations * noise
        p = self._means(z).astype(np.float64).clip(1e-12, 1 - 1e-12)
        x = images.reshape(len(images), 1, 16)
        likelihood = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum(-1)
        found = likelihood - 0.5 * (z**2).sum(-1) + (0.5 * noise.astype(np.float64) ** 2 + np.log(deviations)).sum(-1)
        return found


class Pixels:
    engine, dtype = "numpy", "float32"
    noise = {"pixels": NoiseSpec((4,), "uniform")}  # noqa: RUF012
    exact, levels, draw = True, 2, NoiseSpec((1,), "normal")

    def __init__(self, tensors):
        self.logits = tensors["logits"].astype(np.float64)

    @classmethod
    def open(cls, config, weights, device):
        return cls(loaded(weights, {"logits": (4,)}))

    def generate(self, noise, options):
        images = (noise["pixels"] < sigmoid(self.logits)).astype(np.float32)
        return Samples("image", images.reshape(-1, 1, 2, 2), (0.0, 1.0))

    def log_weights(self, images, labels, noise):
        p, x = sigmoid(self.logits), images.reshape(len(images), 4)
        exact = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum(1)
        return np.repeat(exact[:, None], noise.shape[1], axis=1)
