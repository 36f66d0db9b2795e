"""All randomness of a step as a function of (seed, step, rank): none has to be stored, or can be forgotten."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from aigc_core.interfaces import NoiseSpec
from aigc_core.train.data.order import mixed


def seed_step(seed: int, step: int) -> None:
    """Seed every global generator, torch's on all devices, numpy's and Python's, for one step."""
    number = mixed(seed, step)
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(number)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(number)
    random.seed(number)
    np.random.seed(number)


def seed_rank(seed: int, step: int, rank: int) -> None:
    """Give a rank after the first its own draws of dropout, once the noise that all share has been drawn."""
    seed_step(seed + (rank << 20), step)  # far apart after mixing, which keeps 32 bits


def draw(specs: Mapping[str, NoiseSpec], rows: int) -> dict[str, Tensor]:
    """Draw the noise of a whole batch on the CPU, from torch's generator: float32 (rows, \\*spec.shape)."""
    make = {"normal": torch.randn, "uniform": torch.rand}
    return {name: make[spec.distribution](rows, *spec.shape) for name, spec in specs.items()}
