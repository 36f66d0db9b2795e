"""Losses of scores that are no log odds: least squares, hinge, Wasserstein."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from aigc_gan.losses.precise import precise

_NETWORKS = {"discriminator": ("real_logits", "fake_logits"), "generator": ("fake_logits",)}


class LeastSquares:
    """Scores are drawn to 1 for real and to 0 for fake, the generator's to 1 (arXiv 1611.04076, equation 9)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = _NETWORKS

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return half the mean square of what is missing; of the discriminator the sum of both halves."""
        fake = precise(inputs["fake_logits"])
        if network == "generator":
            return {"loss": 0.5 * (fake - 1).square().mean()}
        real = precise(_of(network, inputs))
        terms = {"real": 0.5 * (real - 1).square().mean(), "fake": 0.5 * fake.square().mean()}
        return {"loss": terms["real"] + terms["fake"], **terms}


class Hinge:
    """Scores beyond the margin of 1 on their side cost nothing (arXiv 1802.05957, equations 16 and 17)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = _NETWORKS

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return E[max(0, 1 - real)] + E[max(0, 1 + fake)]; of the generator -E[fake]."""
        fake = precise(inputs["fake_logits"])
        if network == "generator":
            return {"loss": -fake.mean()}
        real = precise(_of(network, inputs))
        terms = {"real": (1 - real).relu().mean(), "fake": (1 + fake).relu().mean()}
        return {"loss": terms["real"] + terms["fake"], **terms}


class Wasserstein:
    """The critic's scores are as far apart as its slope allows (arXiv 1701.07875, algorithm 1).

    What bounds the slope is another's: ``clip_weights`` of the trainer, or a penalty on gradients.
    """

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = _NETWORKS

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return E[fake] - E[real] and, as ``distance``, its negative; of the generator -E[fake].

        With slope 1 at most, the distance is at most that of earth movers.
        """
        fake = precise(inputs["fake_logits"]).mean()
        if network == "generator":
            return {"loss": -fake}
        distance = precise(_of(network, inputs)).mean() - fake
        return {"loss": -distance, "distance": distance}


def _of(network: str, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return the scores of real rows. Raises ``KeyError`` for a network that is no discriminator."""
    if network != "discriminator":
        raise KeyError(network)
    return inputs["real_logits"]
