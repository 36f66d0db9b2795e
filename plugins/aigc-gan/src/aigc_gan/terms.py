"""What a network minimises where several losses have a part for it, and what those may ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from aigc_core.interfaces import Loss

MAIN = "adversarial"
"""The loss whose terms keep their names."""


def check(losses: Mapping[str, Loss], roles: Collection[str], given: Collection[str]) -> None:
    """Raise ``ValueError`` where there is no adversarial loss, or one has no part for a role or asks for more.

    ``given`` are the inputs that the trainer has.
    """
    if MAIN not in losses:
        raise ValueError(f"it takes a loss called {MAIN}, not {', '.join(losses) or 'none'} alone")
    for name, loss in losses.items():
        if not {*loss.networks} & {*roles}:
            raise ValueError(f"the loss {name} is for {' and '.join(loss.networks)}, not for {' and '.join(roles)}")
        unknown = sorted({each for wanted in loss.networks.values() for each in wanted} - {*given})
        if unknown:
            raise ValueError(f"the loss {name} asks for {unknown[0]}; there is {', '.join(sorted(given))}")


def asked(losses: Mapping[str, Loss], role: str, name: str) -> bool:
    """Say whether a loss has a part for a role that needs an input."""
    return any(name in loss.networks.get(role, ()) for loss in losses.values())


def of(losses: Mapping[str, Loss], role: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a role's terms: ``loss`` is the sum, those of other losses than the adversarial are ``NAME-term``."""
    found: dict[str, Tensor] = {}
    total: Tensor | None = None
    for name, loss in losses.items():
        if role not in loss.networks:
            continue
        terms = loss(role, inputs)
        total = terms["loss"] if total is None else total + terms["loss"]
        found |= {key if name == MAIN else f"{name}-{key}": value for key, value in terms.items()}
    assert total is not None
    return found | {"loss": total}


def summed(each: Collection[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return each term's sum over several maps of the same terms."""
    first, *others = each
    return {key: sum((other[key] for other in others), value) for key, value in first.items()}
