"""How learning rates go over a training: one factor, a function of the step alone, so there is no state to keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def factor(schedule: Mapping[str, Any], step: int) -> float:
    """Return what every learning rate is multiplied by in the given step, counted from 0.

    A linear rise over ``warmup`` steps that reaches 1 at the step after them, then constant, or linear or by half a
    cosine (arXiv 1608.03983, equation 5) down to ``floor`` at ``steps``, and the floor from there on; or ``stairs``,
    multiplied by ``by`` after each number of steps in ``at``.
    """
    warmup, steps, floor = schedule["warmup"], schedule["steps"], schedule["floor"]
    if step < warmup:
        return float((step + 1) / (warmup + 1))
    if schedule["kind"] == "constant":
        return 1.0
    if schedule["kind"] == "stairs":
        return float(schedule["by"] ** sum(step >= stair for stair in schedule["at"]))
    if step >= steps:
        return float(floor)
    done = (step - warmup) / (steps - warmup)
    falling = 1 - done if schedule["kind"] == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return float(floor + falling * (1 - floor))
