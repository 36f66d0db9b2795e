"""The generators that the plugin offers to ``run``, around its networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.weights import load_module
from aigc_gan.conditional import ConditionalGenerator28
from aigc_gan.dcgan import DcganGenerator32, DcganGenerator64
from aigc_gan.dcgan_mlp import MlpDcganGenerator64
from aigc_gan.infogan import InfoGenerator28
from aigc_gan.mlp import MlpGenerator28
from aigc_gan.networks import DcganGenerator
from aigc_gan.resnet import ResnetGenerator32

Own = TypeVar("Own", bound="Images")
_CLAIMED = ("model_type", "library_name")
"""What a config.json on the Hub has beside the network's own, so that the plugin is found."""


class Images:
    """A network from normal latents (n, latent_dim) to images in [-1, 1]. Option ``truncation`` bounds the latents.

    ``noise`` is the latent alone; subclasses add what else a network is told.
    """

    engine = "torch"
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "bfloat16")
    kind: ClassVar[type[nn.Module]]

    def __init__(self, network: Any, device: str, dtype: str = "float32") -> None:
        self.network, self.device, self.dtype = network, device, dtype
        self.type = {"float32": torch.float32, "bfloat16": torch.bfloat16}[dtype]
        self.noise: dict[str, NoiseSpec] = {"latent": NoiseSpec((network.latent_dim,), "normal")}

    @classmethod
    def open(
        cls: type[Own], config: Mapping[str, Any], weights: Mapping[str, Path], device: str, dtype: str = "float32"
    ) -> Own:
        """Load the safetensors file, to compute in ``dtype``. ``config`` has what the network is built with."""
        given = {name: value for name, value in config.items() if name not in _CLAIMED}
        model = cls(load_module(lambda: cls.kind(**given), weights, device), device, dtype)
        model.network.to(model.type)
        return model

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Map noise, an array (n, ...) by the name of each input, to images (n, channels, height, width)."""
        latent = torch.from_numpy(noise["latent"])
        if "truncation" in options:
            latent = truncate(latent, options["truncation"])  # on the CPU: equal latents whatever the device
        images = self.network(self._sent(latent), **self._told(noise, options))
        return Samples("image", images.float().cpu().numpy(), (-1.0, 1.0))

    def _told(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return what the network takes beside latents."""
        return {}

    def _sent(self, values: Tensor) -> Tensor:
        return values.to(self.device, self.type)

    def _class(self, uniform: np.ndarray, classes: int, options: Mapping[str, Any], option: str) -> Tensor:
        """Return the class (n,) that the noise ``uniform`` (n,) falls on, or that which an option says for all."""
        if (chosen := options.get(option)) is not None:
            if not 0 <= chosen < classes:
                raise WrongUse(
                    f"There is no class {chosen}: this model has classes 0 to {classes - 1}.",
                    f"Such as: --{option.replace('_', '-')} {classes - 1}",
                )
            return torch.full((len(uniform),), chosen, device=self.device)
        fallen = np.minimum(uniform * classes, classes - 1).astype(np.int64)  # what rounds up to 1 is of the last
        return torch.from_numpy(fallen).to(self.device)


class Dcgan28(Images):
    """A DCGAN for 28 x 28 grey images (arXiv 1511.06434)."""

    kind = DcganGenerator


class Dcgan32(Images):
    """A DCGAN for 32 x 32 colour images (arXiv 1511.06434)."""

    kind = DcganGenerator32


class Dcgan64(Images):
    """A DCGAN for 64 x 64 colour images (arXiv 1511.06434)."""

    kind = DcganGenerator64


class MlpDcgan64(Images):
    """A perceptron with transposed convolutions behind it, for 64 x 64 colour images."""

    kind = MlpDcganGenerator64


class Mlp28(Images):
    """A perceptron for 28 x 28 grey images (arXiv 1406.2661)."""

    kind = MlpGenerator28


class Resnet32(Images):
    """A residual network for 32 x 32 colour images (arXiv 1802.05957)."""

    kind = ResnetGenerator32


class Conditional28(Images):
    """A GAN of 28 x 28 grey images that is told a class (arXiv 1411.1784). Option ``class`` says one for all samples.

    Without it, sample *i* has the class that its noise ``class`` falls on.
    """

    kind = ConditionalGenerator28

    def __init__(self, network: Any, device: str, dtype: str = "float32") -> None:
        super().__init__(network, device, dtype)
        self.noise["class"] = NoiseSpec((), "uniform")

    def _told(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> dict[str, Tensor]:
        return {"labels": self._class(noise["class"], self.network.classes, options, "class")}


class Info28(Images):
    """An InfoGAN of 28 x 28 grey images (arXiv 1606.03657).

    Options ``code_class``, and ``code_1``, ``code_2``, ... from -1 to 1, say a code for all samples; without them,
    sample *i* has those of its noise.
    """

    kind = InfoGenerator28

    def __init__(self, network: Any, device: str, dtype: str = "float32") -> None:
        super().__init__(network, device, dtype)
        self.noise["code_class"] = NoiseSpec((), "uniform")
        if network.code_values:
            self.noise["code_values"] = NoiseSpec((network.code_values,), "uniform")

    def _told(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> dict[str, Tensor]:
        count, codes = self.network.code_values, self.network.code_classes
        uniform = noise["code_values"] if count else np.empty((len(noise["latent"]), 0), np.float32)
        values = 2 * torch.from_numpy(uniform) - 1
        for option, value in options.items():
            if option.removeprefix("code_").isdigit():
                at = int(option.removeprefix("code_"))
                if not 1 <= at <= count:
                    raise WrongUse(f"There is no {option}: this model has {count} codes that are numbers.")
                values[:, at - 1] = value
        chosen = self._class(noise["code_class"], codes, options, "code_class")
        return {"code_class": chosen, "code_values": self._sent(values)}


def truncate(latent: torch.Tensor, bound: float) -> torch.Tensor:
    """Map normal latents to normals truncated to [-bound, bound]: less varied, more typical (arXiv 1809.11096).

    The map is by quantile, so equal noise gives equal latents and a wide bound changes nothing; the paper draws again.
    """
    low = torch.special.ndtr(torch.tensor(-bound, dtype=torch.float64))
    quantile = low + torch.special.ndtr(latent.double()) * (1 - 2 * low)
    truncated: torch.Tensor = torch.special.ndtri(quantile)
    return truncated.clamp(-bound, bound).float()
