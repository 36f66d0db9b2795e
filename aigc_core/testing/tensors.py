"""Tensors of a training, compared to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from aigc_core.train.training import Training


def weights_of(ready: Training) -> dict[str, torch.Tensor]:
    """Return copies of every parameter, by role and name."""
    return {
        f"{role}.{name}": value.detach().clone()
        for role, net in ready.networks.items()
        for name, value in net.named_parameters()
    }


def differing_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> list[str]:
    """Return the names whose tensors differ in any bit."""
    return [name for name in one if name not in other or not same_bits(one[name], other[name])]


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Say whether two tensors are equal, NaN in the same places included."""
    import torch

    return one.shape == other.shape and torch.equal(
        one.nan_to_num(7e7) if one.is_floating_point() else one,
        other.nan_to_num(7e7) if other.is_floating_point() else other,
    )
