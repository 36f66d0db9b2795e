"""The translators that the plugin offers to ``translate``, around its networks: nothing in them is drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aigc_core.interfaces import Samples
from aigc_core.weights import load_module
from aigc_gan.translate.resnet import Cycle28
from aigc_gan.translate.unet import Pix2Pix64


class Translating:
    """A network from images in [-1, 1] to images in [-1, 1]. Dropout, pix2pix's noise in training, is off."""

    engine, dtype = "torch", "float32"

    def __init__(self, network: nn.Module, device: str) -> None:
        self.network, self.device = network, device

    @torch.inference_mode()
    def translate(self, images: np.ndarray, options: Mapping[str, Any]) -> Samples:
        """Map images (n, c, h, w) to those that they become."""
        given = torch.tensor(images, device=self.device)  # a copy, for the array may be read-only
        return Samples("image", self._made(given, options).cpu().numpy(), (-1.0, 1.0))

    def _made(self, images: Tensor, options: Mapping[str, Any]) -> Tensor:
        made: Tensor = self.network(images)
        return made


class Pix2Pix64Translator(Translating):
    """pix2pix for drawings of 64 x 64 (arXiv 1611.07004): each gives one image in colour."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Pix2Pix64Translator:
        """Load the safetensors file. ``config`` has ``width`` and ``widest``."""
        return cls(load_module(lambda: Pix2Pix64(config["width"], config["widest"]), weights, device), device)


class Cycle28Translator(Translating):
    """CycleGAN for grey images of 28 x 28 (arXiv 1703.10593). Option ``direction`` is ``forth`` or ``back``."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Cycle28Translator:
        """Load the safetensors file, which has both generators. ``config`` has ``width`` and ``blocks``."""
        return cls(load_module(lambda: Cycle28(config["width"], config["blocks"]), weights, device), device)

    def _made(self, images: Tensor, options: Mapping[str, Any]) -> Tensor:
        made: Tensor = self.network(images, back=options.get("direction", "forth") == "back")
        return made
