"""Spectral normalisation: every layer has Lipschitz constant 1 (Miyato et al., arXiv 1802.05957, section 2)."""

from __future__ import annotations

from typing import TypeVar

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def spectral(layer: Layer) -> Layer:
    """Draw a layer's weights, N(0, 0.02), with biases of zero, and divide them by their largest singular value.

    They are drawn here and not in ``initialise``: what follows is how they are looked at, and its first vectors are
    found for the weights that are there now. One power iteration a forward pass in train mode keeps them.
    """
    nn.init.normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    spectral_norm(layer)
    return layer
