"""The contracts of a model that encodes images to latents, and of one that says how likely an image is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from aigc_core.interfaces.generator import NoiseSpec
from aigc_core.interfaces.samples import Samples

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

ANY = -1
"""A size in a latent's shape that goes with the image's."""


class LatentSpec(NamedTuple):
    """The latent of one image."""

    shape: tuple[int, ...]
    """Its shape without the batch axis, such as (20,); ``ANY`` where it follows the image's size, as in (4, -1, -1)."""
    codes: int = 0
    """How many entries the codebook has that a latent's whole numbers choose from; 0 where it is made of real ones."""


class Latents(NamedTuple):
    """The latents of a batch of images."""

    values: np.ndarray
    """(n, \\*shape): float32, the posterior's mean; or codes, int64, each in [0, codes)."""
    deviation: np.ndarray | None = None
    """The posterior's standard deviation of each value, float32; None where an image has exactly one latent."""


@runtime_checkable
class Autoencoder(Protocol):
    """Encodes and decodes images. A model may be this and a ``Generator``, or this alone where it has no prior.

    As a generator does, it leaves every global state, the grad mode and itself as they were, and row *i* of what it
    returns depends on row *i* of what it is given alone.
    """

    engine: str
    """What computes, as of a generator."""
    dtype: str
    """What it computes in."""
    latent: LatentSpec
    """What it encodes to."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Autoencoder:
        """Build and load the model, as ``Generator.open`` does."""
        ...

    def encode(self, images: np.ndarray, options: Mapping[str, Any]) -> Latents:
        """Return the latents of images (n, c, h, w), float32, of the shape and in the range of ``use.input``."""
        ...

    def decode(self, latents: np.ndarray, options: Mapping[str, Any]) -> Samples:
        """Return the images of latents (n, \\*latent.shape), as ``Latents.values`` holds them, checked and finite."""
        ...

    def between(self, one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return latents on the way from one latent (\\*shape) to another, a row for each weight in [0, 1].

        Weight 0 gives ``one``, weight 1 ``other``; the plugin says in its docstring what way it is.
        """
        ...


@runtime_checkable
class Density(Protocol):
    """Says how likely images are: exactly, or by importance weights whose logarithms' mean is a lower bound."""

    exact: bool
    """A weight is p(x) itself: one draw tells all."""
    levels: int
    """Of how many levels of a value p gives probabilities: 2 of black and white, 256 of greys; 0 where p is a density,
    which has no bits a dimension."""
    draw: NoiseSpec
    """The noise of one importance sample, (d,) normal; of an exact model unused."""

    def log_weights(self, images: np.ndarray, labels: np.ndarray | None, noise: np.ndarray) -> np.ndarray:
        """Return ln p(x, z_j) / q(z_j | x) in nats, float64 (n, k).

        ``images`` (n, c, h, w) are float32 in the range of ``use.input``; ``labels`` int64 (n,), where the model is
        conditional; ``noise`` (n, k, \\*draw.shape).
        """
        ...
