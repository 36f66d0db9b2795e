"""Sampling through the API against bare loops over the same weights, at the same batch, and the writing of a sheet."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from aigc_core import load
from aigc_core.run import receipt as receipts
from aigc_core.run.write import Job, write_sheet
from aigc_gan.generators import Dcgan28
from benchmarks import rounds
from benchmarks.rounds import alternate, ratio

ROUNDS = 2 * rounds.ROUNDS - 1
"""More than elsewhere: both ways differ by less than the machine does from second to second."""
BATCH, LARGE = 64, 1000
COUNTS = {"dcgan-fashion": 4096, "vae-fashion": 10_000}


def measure() -> list[str]:
    """Return the tables."""
    tables = [_table(name, count) for name, count in COUNTS.items()]
    sheet = (
        f"Writing a sheet of 64 images: {_sheet(load('dcgan-fashion')):.1f} ms (median of {ROUNDS}); the bar is <= 12."
    )
    return [line for table in tables for line in (*table, "")] + [sheet]


def _table(name: str, count: int) -> list[str]:
    model, runs = load(name), dict[str, Callable[[], object]]()
    batches = [BATCH, LARGE] if count % LARGE == 0 else [BATCH]
    for batch in batches:
        runs[f"bare PyTorch loop, batch {batch}"] = partial(_bare, model.generator, count, batch)
        runs[f"aigc_core, batch {batch}"] = partial(model.generate, count, batch_size=batch)
    figures = alternate({way: partial(_timed, run) for way, run in runs.items()}, ROUNDS)
    rows = [f"| {way} | {count / statistics.median(seconds):,.0f} |" for way, seconds in figures.items()]
    bare, ours = list(figures.values())[::2], list(figures.values())[1::2]
    shares = [
        f"Share of the bare loop, batch {batch}: {ratio(*pair)}; the bar is >= 0.95."
        for batch, *pair in zip(batches, bare, ours, strict=True)
    ]
    return [f"| {name}, {count:,} images | images/s |", "|---|---|", *rows, "", *shares]


@torch.inference_mode()
def _bare(generator: Any, count: int, batch: int) -> torch.Tensor:
    """Make images with a network alone, from torch's own noise."""
    network, width = generator.network, next(iter(generator.noise.values())).shape[0]
    make = network if isinstance(generator, Dcgan28) else lambda latent: network.decode(latent).sigmoid()
    left = [min(batch, count - first) for first in range(0, count, batch)]
    return torch.cat([make(torch.randn(size, width)) for size in left])


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _sheet(model: object) -> float:
    samples = model.generate(64)  # type: ignore[attr-defined]
    receipt = receipts.make(model, seed=0, indices=range(64), options={}, batch_size=BATCH)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        job = Job(f"{folder}/out.png", "dcgan-fashion", range(64), 0, (1, 28, 28), receipt)
        write_sheet(job, iter([samples]))
        figures = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            write_sheet(job, iter([samples]))
            figures.append((time.perf_counter() - began) * 1e3)
    return statistics.median(figures)
