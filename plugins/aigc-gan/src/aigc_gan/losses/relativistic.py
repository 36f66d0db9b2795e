"""The relativistic average loss: how much more real than the other side's mean (arXiv 1807.00734)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from aigc_gan.losses.precise import precise

_BOTH = ("real_logits", "fake_logits")


class RelativisticAverage:
    """Cross-entropy of each logit less the mean of the other side's; the generator's is the same with sides changed.

    The means are over the rows that are computed at once, so a batch that is cut into parts has another loss.
    """

    cross_entropy = True
    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"discriminator": _BOTH, "generator": _BOTH}

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the part of ``network``, in nats: 2 ln 2 where all logits are equal."""
        sign = {"discriminator": -1, "generator": 1}[network]
        real, fake = precise(inputs["real_logits"]), precise(inputs["fake_logits"])
        terms = {
            "real": softplus(sign * (real - fake.mean())).mean(),
            "fake": softplus(-sign * (fake - real.mean())).mean(),
        }
        return {"loss": terms["real"] + terms["fake"], **terms}
