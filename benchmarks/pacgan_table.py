"""Runs of ``benchmarks.pacgan`` beside table 1 of the paper (arXiv 1712.04086)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

PAPER: Mapping[tuple[str, int], str] = {
    ("ring", 1): "6.3 ± 0.5 of 8, 98.2 %, 0.45",
    ("ring", 2): "7.9 ± 0.1 of 8, 95.6 %, 0.07",
    ("grid", 1): "17.3 ± 0.8 of 25, 94.8 %, 0.70",
    ("grid", 2): "23.8 ± 0.7 of 25, 91.3 %, 0.13",
    ("grid", 4): "24.8 ± 0.2 of 25, 93.6 %, 0.04",
}
"""By problem and pack: modes, share of high quality and reverse KL; means of ten runs, ± their standard error."""
MODES = {"ring": 8, "grid": 25}


def lines(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table: a row for each problem, pack and length, with the mean over its seeds."""
    groups: dict[tuple[str, int, int], list[Mapping[str, Any]]] = {}
    for each in records:
        groups.setdefault((each["problem"], each["epochs"], each["pac"]), []).append(each)
    rows = [
        "| problem | epochs | pack | seeds | modes | high quality | reverse KL | of high quality | paper, 400 epochs |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (problem, epochs, pac), runs in sorted(groups.items(), key=lambda item: (item[0][0] != "ring", *item[0][1:])):
        modes = f"{_mean(runs, 'modes'):.1f} of {MODES[problem]}"
        seeds = ", ".join(str(each["seed"]) for each in sorted(runs, key=lambda each: each["seed"]))
        found = f"{100 * _mean(runs, 'high_quality'):.1f} % | {_mean(runs, 'reverse_kl'):.2f}"
        high = f"{_mean(runs, 'reverse_kl_high'):.2f}"
        paper = PAPER.get((problem, pac), "")
        rows.append(f"| {problem} | {epochs} | {pac} | {seeds} | {modes} | {found} | {high} | {paper} |")
    return rows


def _mean(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    values = [each[name] for each in runs]
    return float("inf") if None in values else statistics.mean(values)
