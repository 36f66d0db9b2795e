"""Weights that are spread over the ranks (FSDP2): how they are cut, put together, and cut again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor


def shard(network: nn.Module, device: torch.device) -> nn.Module:
    """Spread a network over the ranks, in place: each layer of its lists of layers by itself, then the rest."""
    from torch.distributed import get_world_size
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (get_world_size(),))
    for module in network.modules():
        if isinstance(module, nn.ModuleList):
            for layer in module:
                fully_shard(layer, mesh=mesh)
    fully_shard(network, mesh=mesh)
    return network


def is_sharded(network: nn.Module) -> TypeGuard[FSDPModule]:
    """Say whether a network was spread over the ranks."""
    if "torch.distributed.fsdp" not in sys.modules:  # importing it takes half as long as torch, and most never need it
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(network, FSDPModule)


def _is_cut(tensor: Tensor) -> TypeGuard[DTensor]:
    if "torch.distributed.tensor" not in sys.modules:
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor with all its parts; every rank must ask."""
    if _is_cut(tensor):
        put_together: Tensor = tensor.full_tensor()
        return put_together
    return tensor


def like(value: Tensor, reference: Tensor) -> Tensor:
    """Return a whole tensor cut, laid out and placed as another of its shape is."""
    if _is_cut(reference):
        from torch.distributed.tensor import distribute_tensor

        value = value.to(reference.device)
        return distribute_tensor(value, reference.device_mesh, reference.placements)
    return torch.empty_like(reference, dtype=value.dtype).copy_(value)
