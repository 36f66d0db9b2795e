"""A third party's autoencoders of random weights, with numpy alone: the plugin ``toy`` of these tests."""

import numpy as np

from aigc_core.interfaces import Latents, LatentSpec, NoiseSpec, Samples


class Base:
    engine, dtype = "numpy", "float32"

    def __init__(self, config):
        self.config = config

    @classmethod
    def open(cls, config, weights, device):
        return cls(config)

    def between(self, one, other, weights):
        weights = weights.reshape(-1, *[1] * one.ndim)
        return ((1 - weights) * one + weights * other).astype(one.dtype)


def rows_times(rows, matrix):
    """Return rows @ matrix. On some processors numpy's own product gives the last rows of a batch other bits."""
    return np.einsum("nk,kd->nd", rows, matrix)


class Linear(Base):
    """Images of 28 x 28 to 20 numbers by a random matrix, and back."""

    latent = LatentSpec((20,))
    noise = {"z": NoiseSpec((20,), "normal")}  # noqa: RUF012

    def __init__(self, config):
        super().__init__(config)
        self.matrix = (np.random.default_rng(1).standard_normal((784, 20)) / 28).astype(np.float32)

    def encode(self, images, options):
        assert (images.dtype, images.shape[1:]) == (np.float32, (1, 28, 28))
        means = rows_times(options.get("gain", 1) * images.reshape(len(images), 784), self.matrix)
        return Latents(means, np.exp(-np.abs(means)))

    def decode(self, latents, options):
        values = 1 / (1 + np.exp(-rows_times(latents, self.matrix.T)))
        return Samples("image", values.reshape(-1, 1, 28, 28).astype(np.float32), (0.0, 1.0))

    def generate(self, noise, options):
        return self.decode(noise["z"], options)


class Two(Linear):
    """Images of a latent, and of a uniform number that chooses: their upper half is bright from 0.5 up."""

    noise = {"latent": NoiseSpec((20,), "normal"), "class": NoiseSpec((), "uniform")}  # noqa: RUF012
    encode = decode = between = latent = None

    def generate(self, noise, options):
        assert noise["class"].shape == noise["latent"].shape[:1]
        values = 1 / (1 + np.exp(-rows_times(options.get("gain", 1) * noise["latent"], self.matrix.T)))
        values = values.reshape(-1, 1, 28, 28)
        values[noise["class"] >= 0.5, :, :14] = 1
        return Samples("image", values.astype(np.float32), (0.0, 1.0))


class Colour(Base):
    """Images of 12 x 8 pixels, each of one colour that the noise says."""

    noise = {"colour": NoiseSpec((3,), "normal")}  # noqa: RUF012

    def generate(self, noise, options):
        values = 1 / (1 + np.exp(-noise["colour"]))[:, :, None, None].repeat(8, 2).repeat(12, 3)
        return Samples("image", values.astype(np.float32), (0.0, 1.0))


class Exact(Base):
    """Images whose latents are they themselves: what comes back is the image, to the bit."""

    latent = LatentSpec((1, 28, 28))

    def encode(self, images, options):
        return Latents(images.copy())

    def decode(self, latents, options):
        return Samples("image", np.clip(latents, 0, 1), (0.0, 1.0))


class Free(Base):
    """Images of any size to the means of patches of 4 x 4, and back."""

    latent = LatentSpec((3, -1, -1))

    def encode(self, images, options):
        n, c, h, w = images.shape
        assert (n, h % 8, w % 8) == (1, 0, 0), "one at a time, padded"
        return Latents(images.reshape(n, c, h // 4, 4, w // 4, 4).mean((3, 5)))

    def decode(self, latents, options):
        return Samples("image", np.clip(latents, -1, 1).repeat(4, 2).repeat(4, 3), (-1.0, 1.0))


class Codes(Base):
    """Images to 7 x 7 codes, which are 16 greys."""

    latent = LatentSpec((7, 7), codes=16)

    def encode(self, images, options):
        means = images.reshape(-1, 7, 4, 7, 4).mean((2, 4))
        return Latents(np.rint(means * 15).astype(np.int64))

    def decode(self, latents, options):
        values = (latents / 15).astype(np.float32)[:, None].repeat(4, 2).repeat(4, 3)
        return Samples("image", values, (0.0, 1.0))

    def between(self, one, other, weights):
        return np.where(weights[:, None, None] < 0.5, one, other)


class NoEncoder(Base):
    latent = LatentSpec((20,))
    decode = Linear.decode


class NoLatent(Linear):
    latent = (20,)


def nan(values):
    return np.where(np.arange(values.size).reshape(values.shape) == 3, np.nan, values).astype(np.float32)


class Faulty(Linear):
    """Breaks its contract in the way that its config names, but not for the one image that it settles with."""

    def encode(self, images, options):
        good, fault = super().encode(images, options), self.config["fault"]
        if len(images) == 1:
            return good
        if fault == "encode-raises":
            raise ValueError("no such\nlayer")
        return {
            "no-latents": good.values,
            "latents-nan": Latents(nan(good.values)),
            "latents-shape": Latents(good.values[:, :19]),
            "latents-type": Latents(good.values.astype(np.float64)),
            "deviation-negative": Latents(good.values, -good.deviation),
            "deviation-shape": Latents(good.values, good.deviation[:, :3]),
        }.get(fault, good)

    def decode(self, latents, options):
        good, fault = super().decode(latents, options), self.config["fault"]
        if len(latents) == 1:
            return good
        if fault == "decode-raises":
            raise ValueError("no such\nlayer")
        return {
            "images-nan": good._replace(values=nan(good.values)),
            "images-range": good._replace(values=good.values + 1),
            "images-shape": good._replace(values=good.values[:, :, :27]),
        }.get(fault, good)

    def between(self, one, other, weights):
        good = super().between(one, other, weights)
        return good[:, :3] if self.config["fault"] == "between-shape" else good


class Painter(Base):
    """Grey images to red ones on cyan; with ``gain``, brighter."""

    def translate(self, images, options):
        assert (images.dtype, images.shape[1:]) == (np.float32, (1, 28, 28))
        red = np.clip(images * np.float32(options.get("gain", 1)), 0, 1)
        return Samples("image", np.concatenate([red, 1 - images, 1 - images], 1), (0.0, 1.0))


class Greyer(Base):
    """Images of any size to grey ones."""

    def translate(self, images, options):
        n, _, h, w = images.shape
        assert (n, h % 8, w % 8) == (1, 0, 0), "one at a time, padded"
        return Samples("image", images.mean(1, keepdims=True), (-1.0, 1.0))


class Large(Base):
    def translate(self, images, options):
        assert len(images) == 1, "a large image alone"
        return Samples("image", images.copy(), (0.0, 1.0))


class SpoiltPainter(Painter):
    """Breaks its contract in the way that its config names, but not for the one image that it settles with."""

    def translate(self, images, options):
        good, fault = super().translate(images, options), self.config["fault"]
        if len(images) == 1:
            return good
        if fault == "paint-raises":
            raise ValueError("no such\nlayer")
        return {
            "paint-nan": good._replace(values=nan(good.values)),
            "paint-range": good._replace(values=good.values + 1),
            "paint-shape": good._replace(values=good.values[:, :1]),
            "paint-type": good.values,
        }[fault]
