"""Images of a latent and a class, with numpy alone."""

import numpy as np
from safetensors.numpy import load_file

from aigc_core.errors import Refused
from aigc_core.interfaces import NoiseSpec, Samples

SHAPES = {"bias": (3, 16), "matrix": (6, 16)}


class Painter:
    engine, dtype = "numpy", "float32"
    noise = {"latent": NoiseSpec((6,), "normal"), "class": NoiseSpec((), "uniform")}  # noqa: RUF012

    def __init__(self, tensors):
        self.matrix, self.bias = tensors["matrix"], tensors["bias"]

    @classmethod
    def open(cls, config, weights, device):
        (path,) = weights.values()
        tensors = load_file(path)
        if {name: values.shape for name, values in tensors.items()} != SHAPES:
            raise Refused(f"{path} does not fit.")
        return cls(tensors)

    def generate(self, noise, options):
        latent, chosen = noise["latent"], (noise["class"] * 3).astype(int)
        if "class" in options:
            chosen = np.full(len(latent), options["class"])
        values = options["gain"] * (latent[:, :, None] * self.matrix).sum(1) + self.bias[chosen]
        images = np.tanh(values).astype(np.float32)
        return Samples("image", images.reshape(-1, 1, 4, 4), (-1.0, 1.0))
