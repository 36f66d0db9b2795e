"""Measure everything and write the table."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benchmarks.rounds import ROUNDS

PARTS = {
    "Start-up": "startup",
    "Cold start": "cold_start",
    "Pulling": "pulling",
    "Sampling": "throughput",
    "Training": "training",
    "Loading": "loading",
}
"""In this order, and each imported when it is its turn: what measures processes' memory runs before torch is imported
here, for a process inherits the peak of the one that starts it."""


def machine() -> str:
    """Describe where the figures come from."""
    import torch

    packages = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "numpy", "pillow", "click", "safetensors", "huggingface-hub")
    )
    cores = (
        f"{os.cpu_count()} cores, {torch.get_num_threads()} torch threads, {torch.backends.cpu.get_cpu_capability()}"
    )
    return f"{platform.system()} {platform.machine()}, {cores}; Python {platform.python_version()}, {packages}"


def main(wanted: list[str]) -> None:
    """Measure the parts that are named, or all, and print them; all together are kept in ``RESULTS.md``."""
    load, tables = os.getloadavg()[0], []
    for title, part in PARTS.items():
        if not wanted or title in wanted:
            tables += ["", f"## {title}", "", *import_module(f"benchmarks.{part}").measure()]
    lines = [
        "# Results",
        "",
        f"`make bench` on {datetime.date.today()}: {machine()}; load before the start {load:.2f}.",
        f"Each figure is the median of {ROUNDS} rounds (sampling: {2 * ROUNDS - 1}), run in turn after a warm-up; a "
        "ratio is the median of the rounds' ratios, in brackets the interval that holds it with 95 % or more.",
        *tables,
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if not wanted:
        Path(__file__).with_name("RESULTS.md").write_text(text, encoding="utf-8")


main(sys.argv[1:])
