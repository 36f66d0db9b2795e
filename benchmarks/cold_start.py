"""A fresh process to a sheet of 64 images, against the import of torch that it cannot do without."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import Cost, alternate, process, ratio


def measure() -> list[str]:
    """Return the rows of the table."""
    zoo = str(Path(sys.executable).parent / "aigc-zoo")
    costs: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, AIGC_ZOO_HOME=f"{folder}/home")
        commands = {
            'python -c "import torch"': [sys.executable, "-c", "import torch"],
            "aigc-zoo run dcgan-fashion -n 64": [zoo, "run", "dcgan-fashion", "-n", "64", "-o", f"{folder}/out.png"],
        }

        def one(name: str) -> float:
            cost = process(commands[name], environment)
            costs.setdefault(name, []).append(cost)
            return cost.wall

        figures = alternate({name: (lambda name=name: one(name)) for name in commands})  # type: ignore[misc]
    bare, run = commands
    more = [one.memory - other.memory for one, other in zip(costs[run], costs[bare], strict=True)]
    rows = [
        f"| `{name}` | {statistics.median(walls):.2f} | {statistics.median(cost.memory for cost in costs[name]):.0f} |"
        for name, walls in figures.items()
    ]
    return [
        "| command | wall s | peak MB |",
        "|---|---|---|",
        *rows,
        "",
        f"Wall ratio {ratio(figures[run], figures[bare])}; the bar is <= 1.3. "
        f"Peak memory more: {statistics.median(more):.0f} MB; the bar is <= 120.",
    ]
