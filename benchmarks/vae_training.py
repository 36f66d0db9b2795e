"""The recipe ``vae-fashion`` as it ships against pythae's trainer and bare loops: 784-400-20, batch 128.

``python -m benchmarks.vae_training``. The recipe computes on one thread, with fused Adam and denormals flushed;
pythae and the plain bare loop are measured on one thread and on as many as there are cores, and held against at their
faster; the bare loop of the bar has the recipe's own settings.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import warnings
from collections.abc import Callable

from benchmarks import rounds

OURS, SAME = "aigc_core, the recipe as it ships", "bare loop with its settings"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vae_training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=600)
    given = parser.parse_args()
    os.environ |= {"TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}
    warnings.filterwarnings("ignore")  # those of pythae
    print("\n".join(table(given.rounds, given.steps)))


def table(number: int, steps: int) -> list[str]:
    """Run everything in turn and say what came out."""
    import torch

    from aigc_core.train.recipe import read
    from benchmarks import quiet, training_loops, training_subjects
    from benchmarks.training_family_peers import pythae

    logging.getLogger("pythae").setLevel(logging.ERROR)
    cores, subject = os.cpu_count() or 1, training_subjects.SUBJECTS["vae"]._replace(steps=steps)
    recipe = read("vae-fashion", [*training_subjects.PLAIN, "samples.every=0"])
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, tuple[int, training_subjects.Run]] = {
            OURS: (recipe["compute"]["threads"], training_loops.ours(subject, recipe)),
            SAME: (1, _same(subject)),
        }
        for threads in sorted({1, cores}):
            runs[f"bare loop, plain, {threads} threads"] = (threads, training_loops.bare(subject))
            runs[f"pythae, {threads} threads"] = (threads, pythae(subject, folder))

        def timed(name: str) -> float:
            quiet.wait()
            clock = training_subjects.Clock()
            threads, run = runs[name]
            torch.set_num_threads(threads)
            run(clock)
            return clock.wall

        def one(name: str) -> Callable[[], float]:
            return lambda: timed(name)

        wall = rounds.alternate({name: one(name) for name in runs}, number)
    rows = [
        f"{steps} steps of 128 a run, {number} rounds, {cores} cores:",
        "",
        "| loop | samples/s | the recipe is so many times as fast |",
        "|---|---|---|",
    ]
    for name, seconds in wall.items():
        speed = steps * subject.batch / statistics.median(seconds)
        rows.append(f"| {name} | {speed:,.0f} | {rounds.ratio(seconds, wall[OURS])} |")
    return rows


def _same(subject: object) -> Callable[..., None]:
    """Return the bare loop with fused Adam and denormals flushed."""
    import torch

    from benchmarks.training_subjects import Clock, batches, tensors

    values, net = tensors(subject), subject.nets()[0]  # type: ignore[arg-type,attr-defined]
    adam = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def run(clock: Clock) -> None:
        torch.set_flush_denormal(True)
        clock.start()
        for batch in batches(subject, values):  # type: ignore[arg-type]
            loss = net(*batch)
            adam.zero_grad()
            loss.backward()
            adam.step()
        clock.stop()
        torch.set_flush_denormal(False)

    return run


if __name__ == "__main__":
    main()
