"""The evidence lower bound (arXiv 1312.6114, equation 10), as what is minimised: its negative, in nats an image."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


class Elbo:
    """Bernoulli pixels, a normal posterior with diagonal covariance and the prior N(0, 1).

    A grey pixel counts as the probability of white: the loss is then the mean over the binary images so drawn.
    """

    networks: Mapping[str, tuple[str, ...]] = {"autoencoder": ("logits", "images", "mean", "log_variance")}

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` = ``reconstruction`` + ``kl``, each summed over an image and averaged over the batch."""
        logits, images, mean, log_variance = (inputs[name] for name in self.networks[network])
        reconstruction = binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
        kl = divergence(mean, log_variance).sum() / len(images)
        return {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, s) | N(0, 1)) = (mean^2 + s^2 - 1 - ln s^2) / 2 of each dimension (appendix B)."""
    # expm1 keeps the digits where the posterior is near the prior.
    return 0.5 * (mean.square() + log_variance.expm1() - log_variance)
