"""Losses of images against images: the mean absolute difference, weighed, in units of the images' own range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from aigc_gan.losses.precise import number, precise


class _Absolute:
    """``weight`` x the mean of |one - other| over every number of images (n, c, h, w)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]]
    usual: ClassVar[float]

    def __init__(self, weight: float | None = None) -> None:
        self.weight = number("weight", self.usual if weight is None else weight)

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted ``loss`` and the ``difference`` itself."""
        one, other = (precise(inputs[name]) for name in self.networks[network])
        difference = (one - other).abs().mean()
        return {"loss": self.weight * difference, "difference": difference}


class L1(_Absolute):
    """pix2pix's: what an image became, against what it should have (arXiv 1611.07004, equation 3)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"generator": ("wanted", "made")}
    usual = 100.0


class Cycle(_Absolute):
    """CycleGAN's: there and back again is where it began (arXiv 1703.10593, equation 2)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"generator": ("source", "cycled")}
    usual = 10.0


class Identity(_Absolute):
    """CycleGAN's: an image of the domain that a generator makes is kept (arXiv 1703.10593, section 5.2).

    The paper's weight is half of the cycle's.
    """

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"generator": ("source", "kept")}
    usual = 5.0
