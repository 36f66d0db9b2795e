"""Penalties on a discriminator's gradients by its images, (n, d), each with its graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.linalg import vector_norm

from aigc_gan.losses.precise import number, precise


class _UnitSlope:
    """``weight`` x E[(|g| - 1)^2] of one of the trainer's gradients."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self, weight: float = 10.0) -> None:
        self.weight = number("weight", weight)

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted ``loss`` and the mean ``norm``; slopes of 1 cost nothing."""
        (name,) = self.networks[network]
        norm = vector_norm(precise(inputs[name]), dim=1)
        return {"loss": self.weight * (norm - 1).square().mean(), "norm": norm.mean()}


class GradientPenalty(_UnitSlope):
    """WGAN-GP's: at points uniformly between real and fake images (arXiv 1704.00028, equation 3)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"discriminator": ("mixed_gradients",)}


class Dragan(_UnitSlope):
    """DRAGAN's: at real images that are disturbed (arXiv 1705.07215)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"discriminator": ("near_gradients",)}


class _Flat:
    """``gamma`` / 2 x E[|g|^2] of one of the trainer's gradients."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self, gamma: float = 10.0) -> None:
        self.gamma = number("gamma", gamma)

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted ``loss`` and the mean ``square`` of the gradient's length."""
        (name,) = self.networks[network]
        square = precise(inputs[name]).square().sum(1).mean()
        return {"loss": 0.5 * self.gamma * square, "square": square}


class R1(_Flat):
    """At real images (arXiv 1801.04406, equation 9)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"discriminator": ("real_gradients",)}


class R2(_Flat):
    """At the generator's images (arXiv 1801.04406, equation 10)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"discriminator": ("fake_gradients",)}
