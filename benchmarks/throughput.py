"""Sampling 4,096 images through the API against a bare loop over the same weights, and the writing of a sheet."""

from __future__ import annotations

import statistics
import tempfile
import time

import torch

from aigc_core import load
from aigc_core.run import receipt as receipts
from aigc_core.run.write import Job, write_sheet
from benchmarks import rounds
from benchmarks.rounds import alternate, ratio

ROUNDS = 2 * rounds.ROUNDS - 1
"""More than elsewhere: both ways differ by less than the machine does from second to second."""
COUNT, BATCH = 4096, 64


def measure() -> list[str]:
    """Return the rows of the table."""
    model = load("dcgan-fashion")
    network = model.generator.network  # type: ignore[attr-defined]

    @torch.inference_mode()
    def bare() -> None:
        torch.cat([network(torch.randn(BATCH, 100)) for _ in range(COUNT // BATCH)])

    def timed(work: object) -> float:
        began = time.perf_counter()
        work()  # type: ignore[operator]
        return time.perf_counter() - began

    runs = {"bare PyTorch loop": bare, "aigc_core": lambda: model.generate(COUNT)}
    figures = alternate({name: (lambda work=work: timed(work)) for name, work in runs.items()}, ROUNDS)  # type: ignore[misc]
    rows = [f"| {name} | {COUNT / statistics.median(seconds):.0f} |" for name, seconds in figures.items()]
    share = ratio(figures["bare PyTorch loop"], figures["aigc_core"])
    return [
        f"| {COUNT:,} images, batch {BATCH} | images/s |",
        "|---|---|",
        *rows,
        "",
        f"Share of the bare loop {share}; the bar is >= 0.95.",
        "",
        f"Writing a sheet of 64 images: {_sheet(model):.1f} ms (median of {ROUNDS}); the bar is <= 12.",
    ]


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
