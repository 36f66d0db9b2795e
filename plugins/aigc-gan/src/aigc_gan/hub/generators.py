"""The Hub's GANs as the core runs them: noise in, images out."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from aigc_core.errors import NotAvailable
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.pickled import load_pickled
from aigc_core.weights import load_module
from aigc_gan.hub.dcgan import TutorialDcgan64
from aigc_gan.hub.fastgan import GRAINED, FastGan1024
from aigc_gan.hub.lightweight import LightweightGan

Own = TypeVar("Own", bound="_OfHub")
_SEEDS = 2**24
"""How many float32 numbers in [0, 1) there are, evenly apart: what a seed is read off."""


class _OfHub:
    """A network that a file of the Hub fills, with noise of latents alone."""

    engine, dtype = "torch", "float32"
    kind: ClassVar[type[nn.Module]]
    part: ClassVar[str] = ""
    """The state_dict in a pickle that holds several."""

    def __init__(self, network: Any, device: str) -> None:
        self.network, self.device = network, device
        self.noise: dict[str, NoiseSpec] = {"latent": NoiseSpec((network.latent_dim,), "normal")}

    @classmethod
    def open(cls: type[Own], config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Own:
        """Load safetensors, or the pickle that a manifest opts into. ``config`` has what the network is built with."""
        given = {name: config[name] for name in inspect.signature(cls.kind).parameters if name in config}
        pickles = [path for name, path in weights.items() if not name.endswith((".safetensors", ".json"))]
        if pickles:
            return cls(load_pickled(lambda: cls.kind(**given), pickles[0], device, cls.part), device)
        return cls(load_module(lambda: cls.kind(**given), weights, device), device)


class TutorialDcgan(_OfHub):
    """The DCGAN of PyTorch's tutorial, 64 x 64, by a file of huggan's."""

    kind = TutorialDcgan64

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Map latents (n, latent_dim) to images (n, channels, 64, 64) in [-1, 1]."""
        images = self.network(torch.from_numpy(noise["latent"]).to(self.device))
        return Samples("image", images.cpu().numpy(), (-1.0, 1.0))


class _OneByOne(_OfHub):
    """Images so large that a batch of them needs memory for nothing: each row by itself, and a repeated row once."""

    range: ClassVar[tuple[float, float]]

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Map each row of noise to an image."""
        made: list[np.ndarray] = []
        for at in range(len(noise["latent"])):
            # The core fills its last batch up with the first row.
            if at and all(np.array_equal(values[at], values[0]) for values in noise.values()):
                made.append(made[0])
            else:
                row = {name: torch.tensor(values[at : at + 1]) for name, values in noise.items()}
                made.append(self._image(row).clamp(*self.range)[0].cpu().numpy())
        return Samples("image", np.stack(made), self.range)

    def _image(self, noise: Mapping[str, Tensor]) -> Tensor:
        image: Tensor = self.network(noise["latent"].to(self.device))
        return image


class FastGan(_OneByOne):
    """FastGAN, 1024 x 1024 (arXiv 2101.04775), by a file of huggan's.

    The network adds noise to eight layers, which is 559,232 numbers a sample. ``grain`` is the seed that they are drawn
    from, so that noise stays small enough to be stored; they come from a generator of torch that nothing else draws of.
    """

    kind, range = FastGan1024, (-1.0, 1.0)

    def __init__(self, network: Any, device: str) -> None:
        super().__init__(network, device)
        self.noise["grain"] = NoiseSpec((2,), "uniform")

    def _image(self, noise: Mapping[str, Tensor]) -> Tensor:
        high, low = (min(int(number * _SEEDS), _SEEDS - 1) for number in noise["grain"][0].tolist())
        image: Tensor = self.network(noise["latent"].to(self.device), self._maps(high * _SEEDS + low))
        return image

    def _maps(self, seed: int) -> Iterator[Tensor]:
        drawing = torch.Generator().manual_seed(seed)
        for size in GRAINED:
            for _ in range(2):
                yield torch.randn(1, 1, size, size, generator=drawing).to(self.device)


class Lightweight(_OneByOne):
    """LightweightGAN, by a file of huggan's: its averaged generator. What it makes beyond [0, 1] is cut off."""

    kind, range, part = LightweightGan, (0.0, 1.0), "GAN.GE"

    @classmethod
    def open(cls: type[Own], config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Own:
        """Load the file. Raises ``NotAvailable`` for a kind of this network that is not here."""
        for field in ("transparent", "greyscale", "freq_chan_attn"):
            if config.get(field):
                raise NotAvailable(f"A LightweightGAN with {field} cannot be run.", "Colour images without it can.")
        return super().open(config, weights, device)
