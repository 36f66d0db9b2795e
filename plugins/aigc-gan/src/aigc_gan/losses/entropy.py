"""The two losses of Goodfellow et al. (arXiv 1406.2661, section 3), in the with-logits form that cannot overflow.

With D the sigmoid of a logit l: -log D = softplus(-l) and -log(1 - D) = softplus(l).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import softplus

from aigc_gan.losses.precise import precise

_NETWORKS = {"discriminator": ("real_logits", "fake_logits"), "generator": ("fake_logits",)}


def _discriminator(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """-E[log D(x)] - E[log(1 - D(G(z)))]: 2 ln 2 where D knows nothing."""
    real = softplus(-precise(inputs["real_logits"])).mean()
    fake = softplus(precise(inputs["fake_logits"])).mean()
    return {"loss": real + fake, "real": real, "fake": fake}


class NonSaturating:
    """The generator maximises E[log D(G(z))]: its gradient does not vanish while D wins."""

    cross_entropy = True
    """The discriminator's part is that of telling real from fake: 0 where it always can, 2 ln 2 where it never can."""
    bounded = True
    """Its value is at least -log(1 - exp(-D)) of the discriminator's own D, by Jensen."""
    networks: Mapping[str, tuple[str, ...]] = _NETWORKS

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the part of ``network`` (``discriminator`` or ``generator``), in nats."""
        if network == "discriminator":
            return _discriminator(inputs)
        return {"generator": {"loss": softplus(-precise(inputs["fake_logits"])).mean()}}[network]


class Minimax:
    """The generator minimises E[log(1 - D(G(z)))], the value function itself; its gradient vanishes while D wins."""

    cross_entropy = True
    networks: Mapping[str, tuple[str, ...]] = _NETWORKS

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the part of ``network`` (``discriminator`` or ``generator``), in nats."""
        if network == "discriminator":
            return _discriminator(inputs)
        return {"generator": {"loss": -softplus(precise(inputs["fake_logits"])).mean()}}[network]
