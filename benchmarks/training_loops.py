"""The bare loop, and ours: the real ``Loop`` in a temporary folder, from its first step to its last."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from aigc_core.train import fast as settings
from aigc_core.train.loop import Loop
from aigc_core.train.monitors import Watch
from aigc_core.train.recipe import Recipe, read
from aigc_core.train.training import Training
from benchmarks.training_subjects import PLAIN, Clock, Run, Subject, batches, count, optimizers, rows, step, tensors


class Enough(Exception):
    """Raised between two steps, so that the loop writes no checkpoint and no model."""


def recipe(subject: Subject) -> Recipe:
    """Return the shipped recipe with what every variant leaves out left out."""
    every = (
        "samples.every=0",
        "log.every=100",
        f"compute.threads={torch.get_num_threads()}",
        "compute.fused=false",
        "compute.flush_denormals=false",
    )
    return read(subject.recipe, [*PLAIN, *every, *subject.changes])


def bare(subject: Subject) -> Run:
    """Return the loop that most code has: torch alone, nothing logged."""
    values, nets = tensors(subject), subject.nets()
    each = optimizers(subject, nets)

    def run(clock: Clock) -> None:
        clock.start()
        for batch in batches(subject, values):
            step(nets, each, batch, torch.Tensor.backward)
        clock.stop()

    return run


def ours(subject: Subject, settled: Recipe | None = None) -> Run:
    """Return all that ``aigc-zoo train`` does between two steps, its log included; each run goes on with the last."""
    training = Training(settled or recipe(subject), rows(subject))
    if count(list(training.networks.values())) != count(subject.nets()):
        raise ValueError(f"{subject.title}: the recipe's networks are not as large as the bare loop's")
    training.recipe["budget"]["steps"] = sys.maxsize  # only ``stopped`` ends it

    def run(clock: Clock) -> None:
        asked = 0

        def stopped() -> bool:  # asked before every step
            nonlocal asked
            if asked == 0:
                clock.start()
            if asked == subject.steps:
                clock.stop()
                raise Enough
            asked += 1
            return False

        with tempfile.TemporaryDirectory() as folder:
            # Of this thread alone, where the process has others already: so this is measured with one.
            torch.set_flush_denormal(training.recipe["compute"]["flush_denormals"])
            try:
                Loop(training, Path(folder), tell=lambda event: None, watch=Watch(False, lambda text: None)).run(
                    stopped
                )
            except Enough:
                return
            finally:
                torch.set_flush_denormal(False)

    return run


def fast(subject: Subject, budget: int | None) -> tuple[Run, list[str]]:
    """Return our loop with what ``--fast`` settles on, and a table of what it measured.

    It is told the recipe's own number of steps, or ``budget``: torch.compile is tried only where that takes long.
    """
    chosen = recipe(subject)
    chosen["budget"]["steps"] = budget or chosen["budget"]["steps"]
    chosen["compute"]["flush_denormals"] = True  # as the command does
    known = settings.settle(chosen, rows(subject), "cpu", lambda text: print(text, file=sys.stderr))
    lines = [
        f"`--fast` for a run of {chosen['budget']['steps']:,} steps (alternated rounds: {known['rounds']}):",
        "",
        "| setting | x steps/s | slowest quarter above | used |",
        "|---|---|---|---|",
    ]
    for name, trial in known["trials"].items():
        if trial["tried"]:
            lines.append(f"| {name} | {trial['speed']} | {trial['quarter']} | {'yes' if trial['used'] else 'no'} |")
        else:
            lines.append(f"| {name} | | | not tried: {trial['because']} |")
    return ours(subject, chosen), [*lines, ""]


def flops(subject: Subject, mine: bool) -> int:
    """Count the operations of one step, forward and backward, of matrix products and convolutions."""
    nets, training = subject.nets(), Training(recipe(subject), rows(subject))
    each = optimizers(subject, nets)
    with FlopCounterMode(display=False) as counter:
        if mine:
            training.advance()
        else:
            step(nets, each, next(batches(subject, tensors(subject))), torch.Tensor.backward)
    return counter.get_total_flops()


def peaks() -> tuple[bool, str]:
    """Say how fast this machine multiplies matrices, and whether bfloat16 at least twice as fast as float32."""
    found = {}
    for name in ("float32", "bfloat16"):
        matrix, times = torch.randn(2048, 2048).to(getattr(torch, name)), []
        for _ in range(7):
            began = time.perf_counter()
            matrix @ matrix
            times.append(time.perf_counter() - began)
        found[name] = 2 * 2048**3 / min(times) / 1e9
    share = found["bfloat16"] / found["float32"]
    said = ", ".join(f"{name} {speed:.0f} GFLOP/s" for name, speed in found.items())
    return share >= 2, f"Product of two 2048 x 2048 matrices, the best of 7: {said}, {share:.2f} x."
