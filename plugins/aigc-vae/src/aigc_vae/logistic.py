"""The discretised logistic mixture of PixelCNN++ (arXiv 1701.05517, section 2.1): probabilities of 256 grey levels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from aigc_vae.likelihoods import Likelihood

LEVELS = 256
LOG_SCALE = 7.0
"""Within this of 0 lies the logarithm of a scale, in units of half the grey range; PixelCNN++'s own lower bound."""


class LogisticMixture(Likelihood):
    """A pixel's level is a mixture of logistic distributions, rounded; all below black is black, above white white.

    ``parameters`` are, channel by channel, the logits, means and logarithms of the scales of its components; black is
    -1 and white 1 to them. A pixel's channels are independent of one another: PixelCNN++'s coefficients between red,
    green and blue are left out.
    """

    levels = LEVELS

    def __init__(self, components: int = 5) -> None:
        super().__init__()
        self.components, self.per_value = components, 3 * components

    def log_prob(self, parameters: Tensor, images: Tensor) -> Tensor:
        logits, means, log_scales = self._split(parameters)
        level = (images.unsqueeze(-3) * (LEVELS - 1)).round()
        inverse, half = (-log_scales).exp(), 1 / (LEVELS - 1)
        apart = level * (2 / (LEVELS - 1)) - 1 - means
        upper, lower = (apart + half) * inverse, (apart - half) * inverse
        # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - e^(a - b)): no difference of near numbers is taken.
        # Of white b is infinite and of black a is, which leaves one factor of the three.
        black, white = level <= 0, level >= LEVELS - 1
        each = (
            logsigmoid(upper).masked_fill(white, 0.0)
            + logsigmoid(-lower).masked_fill(black, 0.0)
            + torch.log(-torch.expm1(-2 * half * inverse)).masked_fill(black | white, 0.0)
        )
        return torch.logsumexp(each + torch.log_softmax(logits, -3), -3).flatten(-3).sum(-1)

    def mean(self, parameters: Tensor) -> Tensor:
        """Return the mean of the mixture before it is rounded, cut off at black and white: within half a level."""
        logits, means, log_scales = self._split(parameters)
        scales = log_scales.exp()
        # E = -1 + integral from -1 to 1 of P(X > t), and P(X > t) = sigmoid((mean - t) / scale).
        each = scales * (softplus((means + 1) / scales) - softplus((means - 1) / scales)) - 1
        return ((each * logits.softmax(-3)).sum(-3) * 0.5 + 0.5).clamp(0, 1)

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, means and logarithms of scales, each (..., c, components, h, w)."""
        logits, means, log_scales = parameters.unflatten(-3, (-1, 3, self.components)).unbind(-4)  # type: ignore[no-untyped-call]
        return logits, means, log_scales.clamp(-LOG_SCALE, LOG_SCALE)
