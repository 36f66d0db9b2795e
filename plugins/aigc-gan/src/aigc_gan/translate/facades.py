"""The generator of huggan/pix2pix-facades-demo on the Hub, with its tensors' names: a U-Net for 256 x 256.

The layout is that of huggan/pytorch/pix2pix in huggingface/community-events (Apache-2.0), which names no sizes: eight
halvings from 64 to 512 channels, seven doublings, and a last one by repeated pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aigc_core.errors import NotAvailable
from aigc_core.pickled import load_pickled
from aigc_core.weights import load_module
from aigc_gan.translate.generators import Translating

SIDE = 256
_DOWN = (64, 128, 256, 512, 512, 512, 512, 512)
_UP = (512, 512, 512, 512, 256, 128, 64)


class FacadesNetwork(nn.Module):
    """Images (n, 3, 256, 256) to images of the same shape, both in [-1, 1]. It is for use: dropout is left out."""

    def __init__(self) -> None:
        super().__init__()
        given = 3
        for level, made in enumerate(_DOWN, 1):
            setattr(self, f"down{level}", _down(given, made, normed=1 < level < len(_DOWN)))
            given = made
        for level, made in enumerate(_UP, 1):
            setattr(self, f"up{level}", _up(given, made))
            given = made + _DOWN[-1 - level]
        self.final = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(given, 3, 4, padding=1), nn.Tanh()
        )

    def forward(self, images: Tensor) -> Tensor:
        x, levels = images, []
        for level in range(1, len(_DOWN) + 1):
            x = self.get_submodule(f"down{level}")(x)
            levels.append(x)
        for level in range(1, len(_UP) + 1):
            x = torch.cat([self.get_submodule(f"up{level}")(x), levels[-1 - level]], 1)
        made: Tensor = self.final(x)
        return made


def _down(given: int, made: int, normed: bool) -> nn.Module:
    norm = [nn.InstanceNorm2d(made)] if normed else []
    layers = [nn.Conv2d(given, made, 4, stride=2, padding=1, bias=False), *norm, nn.LeakyReLU(0.2)]
    return _Called(nn.Sequential(*layers))


def _up(given: int, made: int) -> nn.Module:
    layer = nn.ConvTranspose2d(given, made, 4, stride=2, padding=1, bias=False)
    return _Called(nn.Sequential(layer, nn.InstanceNorm2d(made), nn.ReLU()))


class _Called(nn.Module):
    """A module that holds another as ``model``: so its tensors are called there."""

    def __init__(self, model: nn.Sequential) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


class FacadesTranslator(Translating):
    """pix2pix on facades (arXiv 1611.07004), as the Hub has it."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> FacadesTranslator:
        """Load the state_dict, safetensors or a pickle that the manifest opts in to. Raises as ``load_module`` does."""
        tensors = {name: path for name, path in weights.items() if not name.endswith(".json")}
        if len(tensors) != 1:
            raise NotAvailable(f"A model of this kind is one file of weights, not {len(tensors)}.")
        ((name, path),) = tensors.items()
        load = load_module if name.endswith(".safetensors") else load_pickled
        return cls(load(FacadesNetwork, path, device), device)
