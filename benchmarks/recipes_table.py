"""The table of the runs of one recipe that are kept, and the interval that a few seeds give."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""The 0.975 quantiles of Student's distribution, by how many values a mean is of."""


def table(name: str, judged: tuple[str, str], nanogpt: bool, runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return the rows: one of each seed, and what all of them say."""
    part, key = judged
    record = runs[0]["record"]
    losses = [run["record"][part][key] for run in runs]
    instructions = f"{record['instructions']}, torch {record['torch']}, {record['threads']} thread"
    lines = [f"## {name}, {record['steps']:,} steps", "", f"{instructions}; `{runs[0]['command']}`.", ""]
    own = [
        f"| {run['record']['seed']} | {loss:.4f} | {run['process_cpu_seconds']:.0f} |"
        for run, loss in zip(runs, losses, strict=True)
    ]
    if not nanogpt:
        return [
            *lines,
            "| seed | test loss, every test name | CPU-seconds, process |",
            "|---|---|---|",
            *own,
            "",
            f"Test loss {interval(losses)}.",
        ]
    rest = [
        f" {run['estimate']:.4f} | {run['end_only_cpu_seconds']:.0f} | {run['plain_cpu_seconds']:.0f} "
        f"| {run['plain_loss']:.4f} |"
        for run in runs
    ]
    shares = [run["end_only_cpu_seconds"] / run["plain_cpu_seconds"] for run in runs]
    estimates, plain = [run["estimate"] for run in runs], [run["plain_loss"] for run in runs]
    return [
        *lines,
        "| seed | validation loss, every token | CPU-seconds, as the recipe says | loss, 20 random batches | "
        "CPU-seconds, evaluated at the end only | CPU-seconds, plain loop | its validation loss, every token |",
        "|---|---|---|---|---|---|---|",
        *(one + other for one, other in zip(own, rest, strict=True)),
        "",
        f"Validation loss, every token: {interval(losses)}; by 20 random batches, as nanoGPT's README: "
        f"{interval(estimates)}; the plain loop's: {interval(plain)}.",
        f"CPU-seconds over the plain loop's, whole processes, evaluated at the end only: {interval(shares)}.",
    ]


def interval(values: Sequence[float]) -> str:
    """Return a mean with the interval of 95 % that Student's distribution gives, where there are several values."""
    if len(values) not in STUDENT:
        return f"{statistics.mean(values):.4f}"
    half = STUDENT[len(values)] * statistics.stdev(values) / len(values) ** 0.5
    middle = statistics.mean(values)
    return f"{middle:.4f} [{middle - half:.4f}, {middle + half:.4f}]"
