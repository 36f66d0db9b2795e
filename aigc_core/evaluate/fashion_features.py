"""The default extractor: a small classifier of Fashion-MNIST, trained once, before any model that it judges.

``python -m benchmarks.frechet DATA --train`` trains it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from aigc_core.interfaces.extractor import Features
from aigc_core.weights import load_module

WIDTH, CLASSES = 128, 10
_AT_ONCE = 500


class Network(nn.Sequential):
    """Images (n, 1, 28, 28) in [0, 1] to logits (n, 10); its features are the 128 values that those are made of."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 7 * 7, WIDTH), nn.ReLU(),
            nn.Linear(WIDTH, CLASSES),
        )  # fmt: skip


class FashionFeatures:
    """The network, loaded. It computes on the CPU, every batch in one shape, so that a row never depends on others."""

    engine, dtype = "torch", "float32"

    def __init__(self, network: Network) -> None:
        self.below, self.last = nn.Sequential(*list(network)[:-1]).eval(), network[-1]

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> FashionFeatures:
        """Load the safetensors file; ``config`` says nothing, and ``device`` is not looked at."""
        return cls(load_module(Network, weights))

    @torch.inference_mode()
    def features(self, images: np.ndarray, options: Mapping[str, Any]) -> Features:
        """Return 128 features and 10 logits for each image (n, 1, 28, 28), float32 in [0, 1]."""
        values = np.empty((len(images), WIDTH), np.float32)
        logits = np.empty((len(images), CLASSES), np.float32)
        for first in range(0, len(images), _AT_ONCE):
            part = images[first : first + _AT_ONCE]
            padded = np.zeros((_AT_ONCE, *images.shape[1:]), np.float32)
            padded[: len(part)] = part
            found = self.below(torch.from_numpy(padded))
            values[first : first + len(part)] = found[: len(part)].numpy()
            logits[first : first + len(part)] = self.last(found)[: len(part)].numpy()
        return Features(values, logits)
