"""Numbers that are not finite: in which loss, on which rows, and in which layer they began."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def not_finite(step: int, losses: Mapping[str, float], indices: Tensor, networks: Mapping[str, nn.Module]) -> str:
    """Say which losses are not finite, on which rows of the data, and where the networks hold such a number.

    ``indices`` (n,) are the rows of the step's batch. Returns an empty text where every loss is finite: the networks
    are searched only where one is not.
    """
    bad = [f"{name} is {value}" for name, value in losses.items() if not math.isfinite(value)]
    if not bad:
        return ""
    rows = some([str(index) for index in indices.tolist()])
    where = _first_held(networks) or "no parameter, buffer or gradient holds such a number"
    return f"At step {step}, {some(bad)}; the batch is rows {rows} of the data; {where}."


def first_bad_layer(networks: Mapping[str, nn.Module], call: Callable[[], Any]) -> str:
    """Run ``call``, a forward pass, and name the first layer whose output is not finite while its input was.

    Returns ``network.layer``, the network's name alone where its own arithmetic did it, or an empty text. Gradients
    are off and buffers, such as batch norm's running statistics, are put back.
    """
    found: list[str] = []

    def look(name: str, given: Any, made: Any) -> None:
        if not found and not finite(made) and finite(given):
            found.append(name)

    layers = [
        (".".join(filter(None, (network, name))), layer)
        for network, module in networks.items()
        for name, layer in module.named_modules()
    ]
    hooks = [
        # A layer's hook comes before that of the layer around it, so the innermost is named.
        layer.register_forward_hook(
            lambda _, given, keywords, made, name=name: look(name, (given, keywords), made), with_kwargs=True
        )
        for name, layer in layers
    ]
    buffers = [(buffer, buffer.clone()) for module in networks.values() for buffer in module.buffers()]
    try:
        with torch.no_grad():
            call()
    finally:
        for hook in hooks:
            hook.remove()
        for buffer, before in buffers:
            buffer.copy_(before)
    return found[0] if found else ""


def _first_held(networks: Mapping[str, nn.Module]) -> str:
    for name, value, what in _held(networks):
        if not finite(value):
            layer, _, entry = name.rpartition(".")
            return f"the first layer with such a number is {layer}, in {what} {entry}"
    return ""


def _held(networks: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor, str]]:
    # Gradients last: one bad loss spoils them all, a parameter or a buffer tells where it began.
    for network, module in networks.items():
        for layer, part in module.named_modules(prefix=network):
            yield from ((f"{layer}.{k}", value, "its parameter") for k, value in part.named_parameters(recurse=False))
            yield from ((f"{layer}.{k}", value, "its buffer") for k, value in part.named_buffers(recurse=False))
    for network, module in networks.items():
        for name, parameter in module.named_parameters(prefix=network):
            if parameter.grad is not None:
                yield name, parameter.grad, "the gradient of its parameter"


def finite(value: Any) -> bool:
    """Say whether every number is finite in a tensor, or in the tensors of lists, tuples and mappings."""
    if isinstance(value, Tensor):
        return bool(value.isfinite().all())
    if isinstance(value, Mapping):
        return all(map(finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(finite, value))
    return True


def some(names: list[str]) -> str:
    """Return the first four names and how many more there are."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
