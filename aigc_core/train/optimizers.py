"""Optimizers as a recipe describes them: torch's own, with weight decay where it belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from aigc_core.errors import WrongUse

_KINDS: dict[str, Any] = {
    "adam": (torch.optim.Adam, {"betas", "weight_decay"}),
    "adamw": (torch.optim.AdamW, {"betas", "weight_decay"}),
    "rmsprop": (torch.optim.RMSprop, {"momentum", "weight_decay"}),
    "sgd": (torch.optim.SGD, {"momentum", "weight_decay"}),
}
_FUSED = {"adam", "adamw", "sgd"}


def optimizer(network: nn.Module, spec: Mapping[str, Any], fused: bool = False) -> torch.optim.Optimizer:
    """Build the optimizer of one network. Raises ``WrongUse`` for a value that its kind does not take."""
    kind, takes = _KINDS[spec["kind"]]
    given = {name: value for name, value in spec.items() if name not in ("kind", "learning_rate", "decay")}
    if wrong := sorted(given.keys() - takes):
        raise WrongUse(f"{spec['kind']} takes no {wrong[0]}; it takes {', '.join(sorted(takes))}.")
    if "betas" in given:
        given["betas"] = tuple(given["betas"])
    if fused and spec["kind"] in _FUSED:
        given["fused"] = True
    made: torch.optim.Optimizer = kind(_groups(network, spec), lr=spec["learning_rate"], **given)
    return made


def _groups(network: nn.Module, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all parameters, those without weight decay in a group of their own: biases, gains, where it is asked."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if spec.get("decay", "all") == "all":
        return [{"params": parameters}]
    plain = [parameter for parameter in parameters if parameter.dim() < 2]
    matrices = [parameter for parameter in parameters if parameter.dim() >= 2]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
