"""MADE: a network whose output for a pixel sees the pixels before it alone, so ln p(x) is exact (arXiv 1502.03509)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from aigc_vae.likelihoods import Bernoulli


class Made28(nn.Module):
    """Images (n, 1, 28, 28) of 0 and 1 to ln p(x): one hidden layer, one random order of the pixels (section 4).

    ``seed`` draws the order and how many pixels each hidden unit sees; both are stored with the weights.
    """

    shape = (1, 28, 28)
    hidden: nn.Linear
    logits: nn.Linear
    place: Tensor
    """At which place of the order each pixel comes, (784,)."""
    seen: Tensor
    """Which pixels a hidden unit sees, (hidden, 784)."""
    used: Tensor
    """Which hidden units a pixel's logit is made of, (784, hidden)."""

    def __init__(self, hidden: int = 500, seed: int = 0) -> None:
        super().__init__()
        pixels = math.prod(self.shape)
        self.hidden = nn.Linear(pixels, hidden)
        self.logits = nn.Linear(hidden, pixels)
        self.likelihood = Bernoulli()
        random = torch.Generator().manual_seed(seed)
        place = torch.randperm(pixels, generator=random, device="cpu")
        # Up to which place each hidden unit sees pixels. The last is seen by none: nothing comes after it.
        sees = torch.randint(pixels - 1, (hidden,), generator=random, device="cpu")
        at = self.hidden.weight.device
        self.register_buffer("place", place.to(at))
        self.register_buffer("seen", (place <= sees[:, None]).to(at))
        self.register_buffer("used", (sees < place[:, None]).to(at))

    def logits_of(self, images: Tensor) -> Tensor:
        """Return each pixel's logit of white given the pixels before it, (n, 1, 28, 28)."""
        hidden = relu(linear(images.flatten(1), self.hidden.weight * self.seen, self.hidden.bias))
        return linear(hidden, self.logits.weight * self.used, self.logits.bias).view(-1, *self.shape)

    def forward(self, images: Tensor) -> Tensor:
        """Return ln p(x) of each image in nats, (n,)."""
        return self.likelihood.log_prob(self.logits_of(images), images)

    def sample(self, uniform: Tensor) -> Tensor:
        """Draw images (n, 1, 28, 28) of 0 and 1, pixel after pixel; ``uniform`` (n, 784) decides each.

        A pixel adds its column to the hidden layer's sums once it is known, so the 784 steps cost what two passes do.
        """
        columns, rows = (self.hidden.weight * self.seen).T, self.logits.weight * self.used
        sums = self.hidden.bias.repeat(len(uniform), 1)
        images = torch.empty_like(uniform)
        for pixel in self.place.argsort().tolist():
            logit = relu(sums) @ rows[pixel] + self.logits.bias[pixel]
            white = (uniform[:, pixel] < logit.sigmoid()).to(sums.dtype)
            images[:, pixel] = white
            sums += white[:, None] * columns[pixel]
        return images.view(-1, *self.shape)
