"""An optimizer's state as flat tensors and JSON, and back; exact to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from aigc_core.train.sharding import like, whole


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Return the per-parameter tensors as ``INDEX.KEY`` and the parameter groups without their parameters."""
    state = optimizer.state_dict()
    tensors = {
        f"{index}.{key}": whole(value) for index, entry in state["state"].items() for key, value in entry.items()
    }
    return tensors, state["param_groups"]


def load_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    """Restore what ``optimizer_state`` returned. Raises ``ValueError`` where it does not fit the parameters."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        if not index.isdigit() or int(index) >= len(parameters):
            raise ValueError(f"optimizer state {key} belongs to no parameter")
        parameter = parameters[int(index)]
        if value.dim() and value.shape != parameter.shape:
            expected = tuple(parameter.shape)
            raise ValueError(f"optimizer state {key} has shape {tuple(value.shape)}, its parameter has {expected}")
        # In the parameter's own memory format: another would be as right, but not to the last bit.
        entries.setdefault(int(index), {})[name] = like(value, parameter) if value.dim() else value
    complete = set().union(*entries.values())
    for position, entry in entries.items():  # a parameter that never had a gradient has no entry at all
        if gaps := complete - entry.keys():
            raise ValueError(f"optimizer state {position} lacks {', '.join(sorted(gaps))}")
    optimizer.load_state_dict({"state": entries, "param_groups": groups})
