"""What a decoder's numbers say of pixels: distributions of images in [0, 1], each as a log-probability in nats."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class Likelihood(nn.Module):
    """p(x | parameters) of images x (..., c, h, w), each channel of a pixel by itself.

    ``parameters`` are (..., ``per_value`` * c, h, w), of any sign and size; leading axes of both broadcast.
    """

    per_value: int
    """How many numbers of the decoder describe one channel of one pixel."""
    levels: ClassVar[int]
    """How many levels a value has, each with a probability of its own; 0 where there is a density instead."""

    def log_prob(self, parameters: Tensor, images: Tensor) -> Tensor:
        """Return ln p of each image in nats, summed over its values: (...)."""
        raise NotImplementedError

    def mean(self, parameters: Tensor) -> Tensor:
        """Return the expected image in [0, 1], (..., c, h, w): what is shown."""
        raise NotImplementedError


class Bernoulli(Likelihood):
    """Pixels are black or white, ``parameters`` the logits of white.

    A grey pixel counts as the probability of white: that is the mean over the binary images so drawn, no likelihood.
    """

    per_value, levels = 1, 2

    def log_prob(self, parameters: Tensor, images: Tensor) -> Tensor:
        parameters, images = torch.broadcast_tensors(parameters, images)  # type: ignore[no-untyped-call]
        each = binary_cross_entropy_with_logits(parameters, images, reduction="none")
        return -each.flatten(-3).sum(-1)

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters.sigmoid()


class Gaussian(Likelihood):
    """Normal densities around ``parameters``, with one learned scale for all pixels (arXiv 2006.13202, section 3)."""

    per_value, levels = 1, 0

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def log_prob(self, parameters: Tensor, images: Tensor) -> Tensor:
        # A scale below a tenth of a grey level would only count rounding.
        log_scale = self.log_scale.clamp(min=math.log(1 / 2550))
        apart = (images - parameters) * (-log_scale).exp()
        return (-0.5 * (apart.square() + math.log(2 * math.pi)) - log_scale).flatten(-3).sum(-1)

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters.clamp(0, 1)
