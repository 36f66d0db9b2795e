"""A generator's networks in float64, whatever its plugin knows of that: the numbers that rounding is measured from."""

from __future__ import annotations

from typing import Any

_DEPTH = 4
"""How deep in a generator's attributes its networks are looked for."""


def in_float64(generator: Any) -> bool:
    """Turn every network of a generator to float64 in place; say whether there is one.

    Inputs of every layer are turned too, so that a plugin that gives its network float32 noise need not know of it.
    """
    import torch

    found = networks(generator)
    for network in found:
        network.double()
        for module in network.modules():
            module.register_forward_pre_hook(
                lambda _, given: tuple(
                    each.double() if isinstance(each, torch.Tensor) and each.is_floating_point() else each
                    for each in given
                )
            )
    return bool(found)


def networks(thing: Any) -> list[Any]:
    """Return the torch modules that an object has, in its attributes and theirs."""
    import torch

    found: list[Any] = []
    seen: set[int] = set()

    def look(value: Any, depth: int) -> None:
        if id(value) in seen or depth > _DEPTH:
            return
        seen.add(id(value))
        if isinstance(value, torch.nn.Module):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            for each in value:
                look(each, depth + 1)
        elif isinstance(value, dict):
            for each in value.values():
                look(each, depth + 1)
        elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
            look(vars(value), depth)

    look(thing, 0)
    return found
