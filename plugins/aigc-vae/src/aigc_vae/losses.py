"""Bounds on ln p(x) as what is minimised: their negatives, in nats an image."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor


class Elbo:
    """The evidence lower bound (arXiv 1312.6114, equation 3)."""

    networks: Mapping[str, tuple[str, ...]] = {"autoencoder": ("log_likelihood", "divergence")}

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` = ``reconstruction`` + ``kl`` from ln p(x | z) (n, k) and KL (n, d), averaged over images."""
        _only("autoencoder", network)
        reconstruction = -inputs["log_likelihood"].mean()
        kl = inputs["divergence"].sum(1).mean()
        return {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


class BetaElbo:
    """The ELBO with its KL weighed by ``beta`` and a warmth that rises (OpenReview Sy2fzU9gl; arXiv 1511.06349).

    With ``free_bits`` (arXiv 1606.04934, appendix C.8; in nats a dimension) no dimension's mean KL costs less than so
    many: the mean over the rows that are computed at once, so a batch that is cut into parts has another loss than a
    whole one. The ``loss`` is then no bound; ``elbo`` beside it still is its true value, negated.
    """

    networks: Mapping[str, tuple[str, ...]] = {"autoencoder": ("log_likelihood", "divergence", "warmth")}

    def __init__(self, beta: float = 1.0, free_bits: float = 0.0) -> None:
        if not (0 <= beta < math.inf and 0 <= free_bits < math.inf):
            raise ValueError("beta and free_bits are numbers from 0 up")
        self.beta, self.free_bits = beta, free_bits

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take what ``Elbo`` takes, and ``warmth`` in [0, 1]: the share of ``beta`` that counts by now."""
        _only("autoencoder", network)
        reconstruction = -inputs["log_likelihood"].mean()
        each = inputs["divergence"].mean(0)
        cost = self.beta * inputs["warmth"] * (each.clamp(min=self.free_bits) if self.free_bits else each).sum()
        kl = each.sum()
        return {"loss": reconstruction + cost, "reconstruction": reconstruction, "kl": kl, "elbo": reconstruction + kl}


class Iwae:
    """The importance-weighted bound of k draws (arXiv 1509.00519, equation 8); at k = 1 the ELBO, by its draw."""

    networks: Mapping[str, tuple[str, ...]] = {"autoencoder": ("log_weights",)}

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` from ln p(x, z_j) / q(z_j | x), (n, k)."""
        _only("autoencoder", network)
        weights = inputs["log_weights"]
        return {"loss": (math.log(weights.shape[1]) - torch.logsumexp(weights, 1)).mean()}


class NegativeLogLikelihood:
    """What a model of exact likelihood minimises: no bound."""

    networks: Mapping[str, tuple[str, ...]] = {"density": ("log_likelihood",)}

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` from ln p(x), (n,)."""
        _only("density", network)
        return {"loss": -inputs["log_likelihood"].mean()}


def _only(role: str, network: str) -> None:
    """Raise ``KeyError`` for a network that a loss has nothing for."""
    if network != role:
        raise KeyError(network)
