"""What shows how a training of translators goes, beside its losses."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from aigc_gan.diagnostics import evaluating, gradient_norm, spectral_norms


def of_networks(networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Return the length of each role's last gradient, once there is one, and the discriminator's largest slopes."""
    norms = {f"{role}/gradient_norm": gradient_norm(network) for role, network in networks.items()}
    with evaluating(networks["discriminator"]):
        slopes = spectral_norms(networks["discriminator"])
    known = {name: value for name, value in norms.items() if value is not None}
    return known | {f"discriminator/spectral_norm/{name}": value for name, value in slopes.items()}


def variance(images: Tensor) -> Tensor:
    """Return how images (n, c, h, w) vary: the mean over pixels of the variance over the batch."""
    return images.float().var(0, correction=0).mean()
