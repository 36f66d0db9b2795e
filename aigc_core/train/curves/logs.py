"""What the logs of a run say, forgiving to one that is still written and to numbers that are not finite."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from aigc_core.errors import NotAvailable, WrongUse, counted, did_you_mean


class Curve(NamedTuple):
    """One loss over the steps of a run; NaN stands for every value that is not finite."""

    steps: list[int]
    values: list[float]

    def best(self) -> tuple[int, float] | None:
        """Return the step and value of the least value, or None where there is none."""
        found = [(value, step) for step, value in zip(*self, strict=True) if math.isfinite(value)]
        return min(found)[::-1] if found else None


class Histogram(NamedTuple):
    """How the numbers of one kind were spread at one step."""

    step: int
    edges: list[float]
    """Rising, one more than counts."""
    counts: list[int]

    def quantile(self, part: float) -> float:
        """Return the number that a part, in [0, 1], of the sample lies below, as if each bin were even."""
        wanted, below = part * sum(self.counts), 0.0
        for low, high, count in zip(self.edges, self.edges[1:], self.counts, strict=False):
            if count and below + count >= wanted:
                return low + (high - low) * (wanted - below) / count
            below += count
        return self.edges[-1]


class Run(NamedTuple):
    """What is known of one run."""

    folder: str
    finished: bool
    curves: dict[str, Curve]
    """By the loss's name, in the order of the log; then what the trainer showed beside them, ``diagnostics/...``."""
    speed: float | None
    """Steps per second: the median over log windows, which no pause moves."""
    notes: list[str]
    """What is odd about its logs, a sentence each."""
    histograms: dict[str, list[Histogram]]
    """What the trainer showed as samples, ``diagnostics/...``, step by step."""


def read(folder: str) -> Run:
    """Read ``losses.jsonl`` and, where it is there, ``events.jsonl`` of a run's folder.

    Raises ``WrongUse`` where the folder is none or no run's, or a line is not the log's, and ``NotAvailable`` where
    nothing is logged yet.
    """
    path = os.path.join(folder, "losses.jsonl")
    if not os.path.isdir(folder):
        raise WrongUse(f"There is no folder {folder}.")
    if not os.path.isfile(path):
        raise WrongUse(f"{folder} is no folder of a run: it has no losses.jsonl.")
    curves: dict[str, Curve] = {}
    lines, half = _lines(path)
    notes = [f"{path}: its last line is half-written and was left out."] if half else []
    merged: dict[int, dict[str, float]] = {}
    for number, (step, losses) in enumerate(map(_entry, lines), 1):
        if step < 0:
            raise WrongUse(f"{path}, line {number}, is no line of a log of losses.")
        merged.setdefault(step, {}).update(losses)  # validation has a line of its own
    for step, losses in sorted(merged.items()):
        for name, value in losses.items():
            curve = curves.setdefault(name, Curve([], []))
            curve.steps.append(step)
            curve.values.append(value)
    if not curves:
        raise NotAvailable(f"{folder} has logged no losses yet.", "Look again when it has trained for longer.")
    events = _events(os.path.join(folder, "events.jsonl"))
    histograms = _diagnostics(events, max(merged), curves)
    notes += [note for name, curve in curves.items() if (note := _not_finite(folder, name, curve))]
    finished = os.path.isfile(os.path.join(folder, "record.json"))
    return Run(folder, finished, curves, _speed(events), notes, histograms)


def shared(runs: Sequence[Run], only: Sequence[str] = ()) -> list[str]:
    """Return the losses that all runs have; with ``only``, those of them. Raises ``WrongUse`` where there is none."""
    for name, run in [(name, run) for name in only for run in runs]:
        if name not in run.curves and name not in run.histograms:
            known = [*run.curves, *run.histograms]
            raise WrongUse(
                f"{run.folder} has no loss {name}.{did_you_mean(name, known)}", f"It has {', '.join(known)}."
            )
    names = [name for name in runs[0].curves if all(name in run.curves for run in runs)]
    if not names:
        has = "; ".join(f"{run.folder} has {', '.join(run.curves)}" for run in runs)
        raise WrongUse(f"The runs have no loss in common: {has}.", "Draw each by itself.")
    return [name for name in names if name in only] if only else names


def shared_histograms(runs: Sequence[Run], only: Sequence[str] = ()) -> list[str]:
    """Return the histograms that all runs have; with ``only``, those of them."""
    names = [name for name in runs[0].histograms if all(name in run.histograms for run in runs)]
    return [name for name in names if name in only] if only else names


def labels(runs: Sequence[Run]) -> list[str]:
    """Return each run's name in a legend: its folder's, or the path as it was given where two have one name."""
    names = [os.path.basename(os.path.abspath(run.folder)) for run in runs]
    return [name if names.count(name) == 1 else run.folder for name, run in zip(names, runs, strict=True)]


def _lines(path: str) -> tuple[list[Any], bool]:
    """Return the lines of a log, None for each that is no JSON, and whether the last one is only half there."""
    with open(path, "rb") as stream:
        *whole, rest = stream.read().split(b"\n")
    return [_parsed(line) for line in whole if line.strip()], bool(rest.strip())


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _entry(line: Any) -> tuple[int, dict[str, float]]:
    """Return the step of a line and its losses; a negative step where it is no line of this log."""
    step, losses = (line.get("step"), line.get("losses")) if isinstance(line, dict) else (None, None)
    if isinstance(step, int) and step < 1 << 53 and isinstance(losses, dict):
        values = {name: _number(value) for name, value in losses.items()}
        if None not in values.values():
            return step, {name: value for name, value in values.items() if value is not None}
    return -1, {}


def _number(value: Any) -> float | None:
    """Return a loss, NaN where it is not finite (which JSON may write as null), None where it is no number."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def _not_finite(folder: str, name: str, curve: Curve) -> str:
    bad = [step for step, value in zip(*curve, strict=True) if math.isnan(value)]
    if not bad:
        return ""
    where = f"at step {bad[0]}" if len(bad) == 1 else f"{counted(len(bad), 'time')}, first at step {bad[0]}"
    return f"{folder}: {name} is not finite {where}; there is a gap in its curve."


def _events(path: str) -> list[dict[str, Any]]:
    return [line for line in _lines(path)[0] if isinstance(line, dict)] if os.path.isfile(path) else []


def _diagnostics(events: Sequence[dict[str, Any]], last: int, curves: dict[str, Curve]) -> dict[str, list[Histogram]]:
    """Add the values that a trainer showed up to a step to the curves; return its histograms.

    A run that was killed has told of steps that are made again: what came later counts. What is none is left out.
    """
    of_them = [event for event in events if event.get("kind") == "train-diagnostics"]
    told = {event["step"]: event for event in of_them if isinstance(event.get("step"), int)}
    histograms: dict[str, list[Histogram]] = {}
    for step in sorted(step for step in told if 0 <= step <= last):
        values, samples = (told[step].get(kind) for kind in ("values", "histograms"))
        for name, value in values.items() if isinstance(values, dict) else ():
            if (number := _number(value)) is not None:
                curve = curves.setdefault(f"diagnostics/{name}", Curve([], []))
                curve.steps.append(step)
                curve.values.append(number)
        for name, found in samples.items() if isinstance(samples, dict) else ():
            if isinstance(found, dict) and (each := _histogram(step, found.get("edges"), found.get("counts"))):
                histograms.setdefault(f"diagnostics/{name}", []).append(each)
    return histograms


def _histogram(step: int, edges: Any, counts: Any) -> Histogram | None:
    if not isinstance(edges, list) or not isinstance(counts, list) or len(edges) != len(counts) + 1 or not counts:
        return None
    whole = all(type(count) is int and 0 <= count < 1 << 53 for count in counts)
    if not whole or not sum(counts) or not all(math.isfinite(_number(edge) or 0.0) for edge in edges):
        return None
    numbers = [_number(edge) for edge in edges]
    known = [number for number in numbers if number is not None]
    return Histogram(step, known, counts) if len(known) == len(edges) and known == sorted(known) else None


def _speed(events: Sequence[dict[str, Any]]) -> float | None:
    found = [event.get("steps_per_second") for event in events]
    speeds = [value for value in map(_number, (each for each in found if each is not None)) if value and value > 0]
    return statistics.median(speeds) if speeds else None
