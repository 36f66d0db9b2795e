"""What the two stages of a VQ-VAE minimise (arXiv 1711.00937)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor


class Quantisation:
    """Reconstruction and commitment (equation 3, without its middle term: entries follow by moving means)."""

    networks: Mapping[str, tuple[str, ...]] = {"autoencoder": ("log_likelihood", "encoded", "entries")}

    def __init__(self, commitment: float = 0.25) -> None:
        if not 0 <= commitment < math.inf:
            raise ValueError("commitment is a number from 0 up")
        self.commitment = commitment

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` = ``reconstruction`` + beta * ``commitment``, means over images.

        From ln p(x | codes) in nats (n,), the encoder's vectors (n, ...) and their entries, of which no gradient comes.
        """
        apart = inputs["encoded"] - inputs["entries"].detach()
        reconstruction, commitment = -inputs["log_likelihood"].mean(), apart.square().flatten(1).sum(1).mean()
        loss = reconstruction + self.commitment * commitment
        return {"loss": loss, "reconstruction": reconstruction, "commitment": commitment}


class CodeEntropy:
    """The cross-entropy of codes under their prior, in nats a code: ln K where it knows nothing."""

    networks: Mapping[str, tuple[str, ...]] = {"autoencoder": ("log_prior",)}

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` from ln p(code t | codes before t), (n, t)."""
        return {"loss": -inputs["log_prior"].mean()}
