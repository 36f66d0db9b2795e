"""L: losses against their contract; L3 is in ``closed_forms``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.testing.loss_inputs import built, inputs
from aigc_core.testing.subjects import Component
from aigc_core.testing.verdict import Broken, Skipped

if TYPE_CHECKING:
    import torch


def contract(subject: Component) -> None:
    """L1: ``networks`` names inputs; each part gives finite scalars; a missing input raises ``KeyError``."""
    import torch

    loss = built(subject)
    networks = getattr(loss, "networks", None)
    if not isinstance(networks, Mapping) or not networks or not all(networks.values()):
        raise Broken(
            "It has no map of networks to the inputs that each needs.", 'networks = {"generator": ("fake_logits",)}'
        )
    for network in networks:
        given = inputs(loss, network)
        found = loss(network, given)
        if not isinstance(found, dict) or "loss" not in found:
            raise Broken(f"The part of {network} gives no dictionary with loss in it.", 'return {"loss": ...}')
        for name, value in found.items():
            if not isinstance(value, torch.Tensor) or value.numel() != 1 or not torch.isfinite(value):
                raise Broken(f"The term {name} of {network} is no finite scalar.", "Take the mean over the rows.")
        _needs_each(loss, network, given)


def far_logits(subject: Component) -> None:
    """L2: every pair of signs at 50, values and gradients."""
    import torch

    loss, tried = built(subject), False
    for network in loss.networks:
        names = [name for name in loss.networks[network] if name.endswith("logits")]
        for signs in {(1, 1), (1, -1), (-1, 1), (-1, -1)} if names else ():
            tried = True
            given = inputs(loss, network)
            for at, name in enumerate(names):
                given[name] = torch.full_like(given[name], 50.0 * signs[at % 2]).requires_grad_()
            value = loss(network, given)["loss"]
            gradients = torch.autograd.grad(value, [given[name] for name in names], allow_unused=True)
            if not torch.isfinite(value) or not all(
                torch.isfinite(each).all() for each in gradients if each is not None
            ):
                shown = ", ".join(f"{name} {50 * signs[at % 2]}" for at, name in enumerate(names))
                raise Broken(
                    f"At {shown} the part of {network} or its gradient is not finite.",
                    "Use softplus or logsumexp on the logits.",
                )
    if not tried:
        raise Skipped("it takes no logits")


def means(subject: Component) -> None:
    """L4: every row twice."""
    import torch

    loss = built(subject)
    for network in loss.networks:
        given = inputs(loss, network)
        twice = {name: torch.cat([values, values]) if values.dim() else values for name, values in given.items()}
        once, again = (loss(network, each)["loss"].item() for each in (given, twice))
        if not math.isclose(once, again, rel_tol=1e-4, abs_tol=1e-5):
            raise Broken(
                f"The part of {network} is {once:.6g} of some rows, and {again:.6g} of each of them twice.",
                "Take the mean over rows, not the sum.",
            )


def directions(subject: Component) -> None:
    """L5: the signs of the gradients by real and by fake logits, near 0."""
    import torch

    loss = built(subject)
    wishes = {
        ("discriminator", "real_logits"): 1,
        ("discriminator", "fake_logits"): -1,
        ("generator", "fake_logits"): 1,
    }
    tried = False
    for (network, name), wish in wishes.items():
        if name not in loss.networks.get(network, ()):
            continue
        tried = True
        given = {
            key: torch.full_like(values, 0.1) if key.endswith("logits") and values.is_floating_point() else values
            for key, values in inputs(loss, network).items()
        }
        given[name] = given[name].detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(network, given)["loss"], given[name])
        if wish * float(gradient.sum()) >= 0:
            raise Broken(
                f"A step of the {network} moves its {name} {'down' if wish > 0 else 'up'}.",
                "Look at the signs, and at which label is real.",
            )
    if not tried:
        raise Skipped("it takes no real or fake logits")


def _needs_each(loss: Any, network: str, given: Mapping[str, torch.Tensor]) -> None:
    for name in given:
        try:
            loss(network, {key: values for key, values in given.items() if key != name})
        except KeyError:
            continue
        except Exception as error:
            raise Broken(
                f"Without {name}, the part of {network} raises {type(error).__name__}, not KeyError."
            ) from error
        raise Broken(f"The part of {network} names the input {name} and does without it.", "Leave it out of networks.")
