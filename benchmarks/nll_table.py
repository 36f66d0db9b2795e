"""The table of likelihoods: what each recipe came to, over seeds, and which orders hold."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.recipes_table import STUDENT

BARS = {"vae-binary-mnist": 90.0, "made-binary-mnist": 94.5}
"""What the mean over seeds is to be at most; the best on validation where the recipe keeps it."""
ORDERS = (
    ("iwae-5-binary-mnist", "iwae-1-binary-mnist"),
    ("iwae-50-binary-mnist", "iwae-5-binary-mnist"),
    ("vamp-binary-mnist", "iwae-1-binary-mnist"),
)
"""Recipes of one budget of which the first is to be no worse than the second; at k = 1 the bound is the ELBO."""
Run = dict[str, Any]


def lines(runs: Sequence[Run]) -> list[str]:
    """Return the rows. Raises ``SystemExit`` where runs have numbers that do not compare."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run["model"], []).append(run)
    for group in groups.values():
        _check(group)
    found = [
        line for name, group in groups.items() for line in _group(name, sorted(group, key=lambda run: run["seed"]))
    ]
    orders = [_order(groups[one], groups[other]) for one, other in ORDERS if one in groups and other in groups]
    return [*found, *(["## Orders at equal budget", "", *orders] if orders else [])]


def _check(group: Sequence[Run]) -> None:
    told = {(each["metric"], each["sha256"]) for run in group for each in run["scores"].values()}
    if len(told) > 1:
        known = " and ".join(sorted({f"{metric} of {sha[:12]}" for metric, sha in told}))
        raise SystemExit(f"{group[0]['model']} has numbers that do not compare: {known}.")


def _group(name: str, group: Sequence[Run]) -> list[str]:
    one = group[0]["scores"]["last"]
    where = f"{group[0]['instructions']}, torch {group[0]['torch']}"
    rows = [
        f"| {run['seed']} | {run['steps']:,} | {run['cpu_seconds'] / 3600:.2f} | {_best(run)} | {_told(run, 'last')} |"
        for run in group
    ]
    means = {kind: [run["scores"][kind]["nats"] for run in group if kind in run["scores"]] for kind in ("best", "last")}
    said = [
        f"{words}: {interval(values)}{_bar(name, kind, means) if one['images'] == one['of'] else ''}."
        for kind, words in (("best", "Chosen on validation"), ("last", "Last step"))
        if (values := means[kind])
    ]
    return [
        f"## {name}: `{one['metric']}`, {one['images']:,} images, {_rounds(one)}",
        "",
        f"Nats an image; trained on {where}.",
        "",
        "| seed | steps | CPU-hours | chosen on validation: step | NLL | last step: NLL |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        *[line for each in said for line in (each, "")],
    ]


def _best(run: Run) -> str:
    if "best" not in run["scores"]:
        return "no step was chosen | -"
    chosen = run["selection"]
    return f"{chosen['step']:,}, by {chosen['by']} | {_told(run, 'best')}"


def _told(run: Run, kind: str) -> str:
    rounds = run["scores"][kind]["rounds"]
    spread = f" ± {statistics.stdev(rounds):.3f}" if len(rounds) > 1 else ""
    return f"{run['scores'][kind]['nats']:.3f}{spread}"


def _rounds(one: Run) -> str:
    count = len(one["rounds"])
    return f"{count} rounds (± is their standard deviation)" if count > 1 else "once"


def _bar(name: str, kind: str, means: dict[str, list[float]]) -> str:
    """Say whether the bar is held, of the number that it is for."""
    if name not in BARS or kind != ("best" if means["best"] else "last"):
        return ""
    verdict = "holds" if statistics.mean(means[kind]) <= BARS[name] else "does not hold"
    return f"; at most {BARS[name]:g} is asked, which {verdict}"


def _order(one: Sequence[Run], other: Sequence[Run]) -> str:
    _check([*one, *other])
    means = [statistics.mean(run["scores"]["last"]["nats"] for run in group) for group in (one, other)]
    low, high = one[0]["model"], other[0]["model"]
    steps = {run["steps"] for run in (*one, *other)}
    equal = "" if len(steps) == 1 else " (the budgets differ)"
    verdict = "holds" if means[0] <= means[1] else "does not hold"
    told = f"{low} {means[0]:.3f}, {high} {means[1]:.3f}, difference {means[0] - means[1]:+.3f}{equal}"
    return f"- {low} is no worse than {high}: {verdict}. Last step, mean over seeds: {told}."


def interval(values: Sequence[float]) -> str:
    """Return the mean over seeds, with the interval of 95 % by Student's distribution where there are 2 to 5."""
    middle = statistics.mean(values)
    if len(values) not in STUDENT:
        return f"{middle:.3f}, {len(values)} seed{'s' * (len(values) > 1)}"
    half = STUDENT[len(values)] * statistics.stdev(values) / len(values) ** 0.5
    return f"{middle:.3f} [{middle - half:.3f}, {middle + half:.3f}], mean of {len(values)} seeds, 95 % over seeds"
