"""Several processes that train one model, started by torchrun: who is here, and what they share."""

from __future__ import annotations

import atexit
import contextlib
import datetime
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.train.sharding import is_sharded

TIMEOUT = datetime.timedelta(minutes=5)
"""How long a rank waits for another, which may be writing a checkpoint, before it says that the other is gone."""


class Ranks(NamedTuple):
    """One process among several."""

    rank: int = 0
    world: int = 1
    local: int = 0
    """Its number on its own machine, which is that of its GPU."""

    @property
    def first(self) -> bool:
        """Whether this one writes files and speaks."""
        return self.rank == 0


def start(device: str) -> Ranks:
    """Join the processes that torchrun has started; without torchrun, be the only one."""
    if "WORLD_SIZE" not in os.environ:
        return Ranks()
    if device.startswith("cuda:"):
        raise WrongUse(f"Each process takes a GPU of its own, so --device {device} cannot be.", "Use --device cuda.")
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=TIMEOUT)
    return Ranks(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", 0)))


@contextlib.contextmanager
def named(ranks: Ranks) -> Iterator[None]:
    """Say in one sentence that another rank is gone, where the library raises an error of its sockets."""
    try:
        yield
    except RuntimeError as error:
        said = " ".join(str(error).split())
        gone = any(
            word in said.lower() for word in ("closed by peer", "reset by peer", "timed out", "timeout", "broken pipe")
        )
        if ranks.world == 1 or not gone:
            raise
        _give_up()
        text = f"Rank {ranks.rank} of {ranks.world} stopped: another rank is gone ({said[:200]})."
        raise NotAvailable(text, "See the other ranks' messages; then start it again with --resume DIR.") from error


_given_up = False


def _give_up() -> None:
    """Leave a group that lost a rank as it is, and end this process before its libraries are unloaded.

    Gloo's threads may still wait for the rank that is gone: where one does, winding them down aborts the process, and
    its exit code is that of a crash.
    """
    global _given_up
    if not _given_up:
        _given_up = True
        atexit.register(_leave)


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(NotAvailable.exit_code)


def end() -> None:
    """Leave the group, where there is one and no rank of it was found to be gone."""
    if dist.is_initialized() and not _given_up:
        dist.destroy_process_group()


def shared(network: nn.Module, device: torch.device) -> nn.Module:
    """Wrap a copy that each rank holds: gradients are averaged, and every rank begins with the first's weights.

    Buffers are left alone by each forward pass: a network of a GAN runs more than once a step, and a broadcast in
    between would change what the first pass needs for its gradient. ``average_buffers`` settles them after the step.
    Looking for unused parameters costs a walk over the graph; it lets a layer stay idle, and it keeps DDP from laying
    out its buckets anew after the first step, for with three ranks or more a sum's last bits depend on its place.
    """
    if not any(parameter.requires_grad for parameter in network.parameters()):
        return network
    ids = [device.index or 0] if device.type == "cuda" else None
    known = inspect.signature(DistributedDataParallel).parameters
    name: Any = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # until torch 2.12
    return DistributedDataParallel(
        network, device_ids=ids, find_unused_parameters=True, **dict[str, Any]({name: False})
    )


@torch.no_grad()
def average_statistics(networks: Iterable[nn.Module], share: float) -> None:
    """Give every rank the mean of batch norm's running statistics, each weighted by its ``share`` of the batch."""
    norms = [module for network in networks for module in network.modules() if isinstance(module, _BatchNorm)]
    found = [buffer for norm in norms for buffer in norm.buffers() if buffer.is_floating_point()]
    if not found:
        return
    flat = torch.cat([buffer.flatten() for buffer in found]) * share
    dist.all_reduce(flat)
    for buffer, values in zip(found, torch.split(flat, [buffer.numel() for buffer in found]), strict=True):
        buffer.copy_(values.view_as(buffer))


def total(value: float, ranks: Ranks, device: torch.device) -> float:
    """Return the sum of a number over all ranks."""
    if ranks.world == 1:
        return value
    number = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(number)
    return float(number)


def summed(values: Tensor, ranks: Ranks) -> Tensor:
    """Return the sum of a tensor over all ranks, in their order: the same bits whatever is summed with it."""
    if ranks.world == 1:
        return values
    gathered = [torch.empty_like(values) for _ in range(ranks.world)]
    dist.all_gather(gathered, values)
    return torch.stack(gathered).sum(0)


def agreed(flag: bool, ranks: Ranks, device: torch.device) -> bool:
    """Say whether any rank says so: a signal may have reached one of them alone."""
    return flag if ranks.world == 1 else total(float(flag), ranks, device) > 0


def prepare(network: nn.Module, loss: Tensor, last: bool) -> None:
    """Make the next backward pass average its gradient over the ranks where it is the last of an update.

    Every forward pass runs without preparation, since an update's passes may be spread over the step; DDP's reducer is
    armed here, as Lightning's and accelerate's manual loops do it.
    """
    if isinstance(network, DistributedDataParallel):
        if last:
            network.reducer.prepare_for_backward([loss])
    elif is_sharded(network):
        network.set_requires_gradient_sync(last)


def without_averaging(networks: Mapping[str, nn.Module]) -> None:
    """Keep forward passes from arming DDP's reducers: ``prepare`` does it."""
    for network in networks.values():
        if isinstance(network, DistributedDataParallel):
            network.require_backward_grad_sync = False
