"""``--fast``: which settings of compute pay on this machine, measured once, before the first step."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from aigc_core.errors import ZooError
from aigc_core.train.data.rows import DataSet
from aigc_core.train.recipe import Recipe
from aigc_core.train.training import Training

TRIALS: dict[str, dict[str, Any]] = {
    "fused": {"fused": True},
    "bfloat16": {"precision": "bfloat16"},
    "channels_last": {"channels_last": True},
    "bfloat16 with channels_last": {"precision": "bfloat16", "channels_last": True},
    "compile": {"compile": True},
}
"""What is tried, in this order, each on top of what has paid so far: kernels of convolutions want the two together."""
ROUNDS, CHUNK = 7, 0.4
"""Alternated rounds a trial, and about how many seconds each side runs in one of them."""
PAYS = 1.02
"""How much faster a setting must be, by the median of its rounds; the slowest quarter must not lose."""
COMPILES_AFTER = 600.0
"""Seconds that a training must still take for torch.compile to be tried: its warm-up takes up to two minutes."""


def settle(recipe: Recipe, data: DataSet, device: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Put into the recipe what pays, and return what was measured, for the run's record.

    A resumption finds the settings in the run's recipe and measures nothing. Precision and the optimizer's kernel
    change the last bits of every step: a run with other settings is another run.
    """
    best, measured = _prepared(recipe, data, device, {}), dict[str, Any]()
    kernels = any(each.dim() == 4 for network in best.networks.values() for each in network.parameters())
    took = _seconds_a_step(best)
    for name, change in TRIALS.items():
        if ("channels_last" in change and not kernels) or _has(recipe, change):
            continue
        left = took * recipe["budget"]["steps"]
        if "compile" in change and left < COMPILES_AFTER:
            measured[name] = {"tried": False, "because": f"the run takes {left:.0f} s, under {COMPILES_AFTER:.0f} s"}
            say(f"{name}: not tried, {measured[name]['because']}")
            continue
        try:
            other = _prepared(recipe, data, device, change)
            ratios = _ratios(best, other)
        except (ZooError, RuntimeError) as error:  # such as no compiler, or not enough memory
            measured[name] = {"tried": True, "used": False, "because": " ".join(str(error).split())[:200]}
            say(f"{name}: not used, {measured[name]['because']}")
            continue
        low, middle, _ = statistics.quantiles(ratios, n=4)
        pays = middle >= PAYS and low >= 1
        measured[name] = {"tried": True, "speed": round(middle, 3), "quarter": round(low, 3), "used": pays}
        say(f"{name}: {middle:.2f} x the steps/s, {'used' if pays else 'not used'}")
        if pays:
            recipe["compute"].update(change)
            best, other, took = other, best, took / middle
        other.close()
    best.close()
    return {"trials": measured, "rounds": ROUNDS, "device": device, "threads": torch.get_num_threads()}


def _has(recipe: Recipe, change: dict[str, Any]) -> bool:
    return all(recipe["compute"][name] == value for name, value in change.items())


def _prepared(recipe: Recipe, data: DataSet, device: str, change: dict[str, Any]) -> Training:
    """Build a training with changed settings and take its first steps, which are slower than the rest."""
    changed = copy.deepcopy(recipe)
    changed["compute"].update(change)
    training = Training(changed, data, device)
    for _ in range(3):
        training.advance()
    return training


def _seconds_a_step(training: Training) -> float:
    began, steps = time.perf_counter(), 0
    while steps < 2 or time.perf_counter() - began < CHUNK:
        training.advance()
        steps += 1
    _wait(training)
    return (time.perf_counter() - began) / steps


def _ratios(best: Training, other: Training) -> list[float]:
    """Return the speed of one over the other's, round by round, both run in turn."""
    return [_seconds_a_step(best) / _seconds_a_step(other) for _ in range(ROUNDS)]


def _wait(training: Training) -> None:
    if training.device.type == "cuda":
        torch.cuda.synchronize(training.device)
