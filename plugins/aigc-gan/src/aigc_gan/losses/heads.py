"""Losses of what a discriminator says beside its logit: classes, codes, features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from aigc_gan.losses.precise import number, precise


class AuxiliaryClassifier:
    """AC-GAN's: images of both kinds are told by class, and the generator's are made to be (arXiv 1610.09585)."""

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "discriminator": ("real_class_logits", "labels", "fake_class_logits", "fake_labels"),
        "generator": ("fake_class_logits", "fake_labels"),
    }

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = number("weight", weight)

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted cross-entropy of class logits (n, k) and classes (n,), in nats."""
        fake = cross_entropy(precise(inputs["fake_class_logits"]), inputs["fake_labels"])
        if network == "generator":
            return {"loss": self.weight * fake, "fake": fake}
        if network != "discriminator":
            raise KeyError(network)
        real = cross_entropy(precise(inputs["real_class_logits"]), inputs["labels"])
        return {"loss": self.weight * (real + fake), "real": real, "fake": fake}


_CODES = ("code_class", "code_class_logits", "code_values", "code_mean", "code_log_variance")


class MutualInformation:
    """InfoGAN's: a bound on what an image tells of the codes that it was made with (arXiv 1606.03657, equation 5).

    Both networks maximise E[log q(c | x)], weighed for the class and for the values, which are uniform in [-1, 1];
    ``class_bound`` and ``value_bound`` are the bounds in nats, with the codes' own entropy: ln k, and ln 2 each.
    """

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"discriminator": _CODES, "generator": _CODES}

    def __init__(self, class_weight: float = 1.0, value_weight: float = 0.1) -> None:
        self.class_weight = number("class_weight", class_weight)
        self.value_weight = number("value_weight", value_weight)

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take classes (n,) with logits (n, k), values (n, c) with the mean and log variance of normals, (n, c)."""
        if network not in self.networks:
            raise KeyError(network)
        logits = precise(inputs["code_class_logits"])
        missed = cross_entropy(logits, inputs["code_class"])
        mean, log_variance = precise(inputs["code_mean"]), precise(inputs["code_log_variance"])
        away = (precise(inputs["code_values"]) - mean).square() * (-log_variance).exp()
        astray = 0.5 * (math.log(2 * math.pi) + log_variance + away).sum(1).mean()
        return {
            "loss": self.class_weight * missed + self.value_weight * astray,
            "class_bound": math.log(logits.shape[1]) - missed.detach(),
            "value_bound": mean.shape[1] * math.log(2) - astray.detach(),
        }


class FeatureMatching:
    """The generator matches the mean of the discriminator's features (arXiv 1606.03498, section 3.1).

    The means are over the rows that are computed at once, so a batch that is cut into parts has another loss.
    """

    networks: ClassVar[Mapping[str, tuple[str, ...]]] = {"generator": ("real_features", "fake_features")}

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = number("weight", weight)

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted squared distance between the means of features (n, d)."""
        if network not in self.networks:
            raise KeyError(network)
        real, fake = precise(inputs["real_features"]).detach(), precise(inputs["fake_features"])
        distance = (real.mean(0) - fake.mean(0)).square().sum()
        return {"loss": self.weight * distance, "distance": distance}
