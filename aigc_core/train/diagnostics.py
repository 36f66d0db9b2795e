"""What a trainer shows beside its losses, asked for without a trace: the training goes on as if nobody had looked."""

from __future__ import annotations

import contextlib
import copy
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from aigc_core.interfaces import Trainer
from aigc_core.train.training import Training

BINS = 32
"""Of a histogram, all of one width."""


class Diagnosed(NamedTuple):
    """What a trainer's ``diagnostics`` came to."""

    values: dict[str, float]
    histograms: dict[str, dict[str, list[Any]]]
    """``edges``, ``BINS`` + 1 rising numbers, and ``counts``, how many of the sample lie between each two."""


def diagnose(training: Training) -> Diagnosed | None:
    """Ask the trainer for diagnostics of the last step's batch; None where there is nothing to tell here.

    It computes as a step does, on networks that no other rank waits for; where these are sharded, every rank asks.
    Random states, buffers and modes are restored. Whatever the trainer's code raises is passed on, and ``TypeError``
    where it returns anything but tensors of no or one axis.
    """
    part = training.last
    if part is None or type(training.trainer).diagnostics is Trainer.diagnostics:  # it shows nothing
        return None
    if not (training.ranks.first or training.recipe["compute"]["shard"]):
        return None
    twin = copy.copy(training.trainer)  # what it sets on itself is its own
    twin.networks = dict(training.networks)
    with untouched(training), torch.no_grad(), training.update.autocast:
        found = twin.diagnostics(part.batch, part.noise)
        if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
            raise TypeError("diagnostics returned no map of tensors")
        if wrong := [name for name, value in found.items() if value.ndim > 1]:
            raise TypeError(
                f"{wrong[0]} has shape {list(found[wrong[0]].shape)}, and is to be a number or a sample of one"
            )
        told = {name: value.detach().double().cpu() for name, value in found.items()}
    return diagnosed(told) if found else None


def diagnosed(found: Mapping[str, Tensor]) -> Diagnosed:
    """Return numbers as values, and samples as histograms of what is finite of them; of nothing there is none."""
    values = {name: value.item() for name, value in found.items() if not value.ndim}
    finite = {name: value[torch.isfinite(value)].numpy() for name, value in found.items() if value.ndim}
    return Diagnosed(values, {name: histogram(sample) for name, sample in finite.items() if sample.size})


def histogram(sample: np.ndarray) -> dict[str, list[Any]]:
    """Return the histogram of finite numbers (n,), n >= 1, from the least to the greatest of them."""
    low, high = float(sample.min()), float(sample.max())
    room = max(0.5, abs(low) * 1e-3) if math.isclose(low, high, rel_tol=1e-9) else 0.0  # one value has no width
    edges = np.linspace(low - room, high + room, BINS + 1)
    return {"edges": edges.tolist(), "counts": np.histogram(sample, edges)[0].tolist()}


@contextlib.contextmanager
def untouched(training: Training) -> Iterator[None]:
    """Restore every random state, and the networks' buffers and modes: spectral and batch norm write theirs."""
    networks = list(training.networks.values())
    buffers = [(buffer, buffer.clone()) for network in networks for buffer in network.buffers()]
    modes = [(module, module.training) for network in networks for module in network.modules()]
    drawn = random.getstate(), np.random.get_state()
    devices = [training.device] if training.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
