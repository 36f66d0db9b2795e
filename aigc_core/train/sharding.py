"""Weights that are spread over the ranks (FSDP2): how they are cut, put together, and cut again."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor


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


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor with all its parts; every rank must ask."""
    if isinstance(tensor, DTensor):
        put_together: Tensor = tensor.full_tensor()
        return put_together
    return tensor


def like(value: Tensor, reference: Tensor) -> Tensor:
    """Return a whole tensor cut, laid out and placed as another of its shape is."""
    if isinstance(reference, DTensor):
        value = value.to(reference.device)
        return distribute_tensor(value, reference.device_mesh, reference.placements)
    return torch.empty_like(reference, dtype=value.dtype).copy_(value)
