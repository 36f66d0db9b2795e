"""L3: losses against their closed forms (DESIGN section 7)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.testing.loss_inputs import CLASSES, built
from aigc_core.testing.subjects import Component
from aigc_core.testing.verdict import Broken, Skipped

if TYPE_CHECKING:
    import torch

    Form = tuple[str, str, Mapping[str, torch.Tensor], float]

_CLOSE = 1e-5
_PAIRS = ({"wanted", "made"}, {"source", "cycled"}, {"source", "kept"})
"""Inputs that are two images, whose difference a loss measures."""


def closed_forms(subject: Component) -> None:
    """L3: the value where mathematics says it."""
    loss, tried = built(subject), False
    for what, network, given, wanted in _forms(loss):
        tried = True
        value = loss(network, given)["loss"].item()
        if not math.isclose(value, wanted, rel_tol=_CLOSE, abs_tol=_CLOSE):
            raise Broken(
                f"{what}, the part of {network} is {value:.6g}, not {wanted:.6g}.",
                "Compare it with the paper's definition.",
            )
    if not tried and not _slopes(loss):
        raise Skipped("no closed form is known for its inputs")


def _forms(loss: Any) -> Iterator[Form]:
    """Yield what is known of a loss by its inputs: where, which part, given what, and the value."""
    import torch

    def zero(*names: str) -> dict[str, torch.Tensor]:
        return {name: torch.zeros(4, 1) for name in names}

    networks = {network: {*names} for network, names in loss.networks.items()}
    adversarial = networks.get("discriminator") == {"real_logits", "fake_logits"}
    if adversarial and getattr(loss, "cross_entropy", False):
        yield "Where every logit is 0", "discriminator", zero("real_logits", "fake_logits"), 2 * math.log(2)
        sign = 1 if getattr(loss, "bounded", False) else -1
        if networks.get("generator") == {"fake_logits"}:
            yield "Where every logit is 0", "generator", zero("fake_logits"), sign * math.log(2)
    for network, names in networks.items():
        if names == {"log_likelihood", "divergence"}:
            given = {"log_likelihood": torch.full((4, 3), -2.0), "divergence": torch.full((4, 5), 0.25)}
            yield "With ln p(x | z) = -2 and a KL of 5 x 0.25", network, given, 3.25
        if names == {"log_likelihood"}:
            yield "With ln p(x) = -2", network, {"log_likelihood": torch.full((4,), -2.0)}, 2.0
        if names == {"log_weights"}:
            yield "With equal weights of -1.5", network, {"log_weights": torch.full((4, 3), -1.5)}, 1.5
            given = {"log_weights": torch.tensor([[0.0, math.log(3)]])}
            yield "With the weights 1 and 3", network, given, -math.log(2)
        if names == {"logits", "targets"}:
            given = {"logits": torch.zeros(2, 5, CLASSES), "targets": torch.ones(2, 5, dtype=torch.long)}
            yield f"With {CLASSES} equal logits", network, given, math.log(CLASSES)
        if names in _PAIRS:
            given = {name: torch.linspace(-1, 1, 32).view(2, 1, 4, 4) for name in names}
            yield "Of an image and itself", network, given, 0.0
        if names == {"real_features", "fake_features"}:
            yield "Of features and themselves", network, {name: torch.eye(4, 7) for name in names}, 0.0
        if names == {"log_prior"}:
            yield "With ln p = -0.5", network, {"log_prior": torch.full((4, 3), -0.5)}, 0.5


def _slopes(loss: Any) -> bool:
    """Check a penalty on one gradient: it is 0 at slopes of 1, or at slopes of 0. Say whether it is such a one."""
    import torch

    found = [
        (network, names[0])
        for network, names in loss.networks.items()
        if len(names) == 1 and names[0].endswith("gradients")
    ]
    for network, name in found:
        unit, none = torch.eye(4, 7), torch.zeros(4, 7)
        values = [loss(network, {name: slope})["loss"].item() for slope in (unit, none)]
        if min(map(abs, values)) > _CLOSE:
            raise Broken(
                f"Neither slopes of 1 nor of 0 cost nothing: {values[0]:.6g} and {values[1]:.6g}.",
                "A penalty has slopes that it asks for.",
            )
    return bool(found)
