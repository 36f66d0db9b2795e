"""A manifest's scores that have a gate, against what was measured now."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from aigc_core.errors import WrongUse
from aigc_core.evaluate.identity import Identity
from aigc_core.evaluate.score import Score
from aigc_core.findings import Finding
from aigc_core.manifest import ModelManifest


def gated(manifest: ModelManifest) -> list[str]:
    """Return the names of the metrics (``plugin:name``) that a manifest's gates need, each once."""
    metrics = [entry["metric"].partition("@")[0].partition(".")[0] for entry in _gates(manifest)]
    return [*dict.fromkeys(name for name in metrics if ":" in name and name.count(":") == 1)]


def samples_of(manifest: ModelManifest) -> int | None:
    """Return of how many samples a manifest's gates are, the most of them; None where no id says so."""
    counts = []
    for entry in _gates(manifest):
        with contextlib.suppress(WrongUse):
            counts.append(Identity.parse(entry["metric"]).n)
    return max(counts, default=None)


def none_of(manifest: ModelManifest) -> Finding:
    """Return what there is to say of a manifest without a gate."""
    hint = f'Write "gate" beside a score, with the id that this says: aigc-zoo eval {manifest.id}'
    return Finding("gate", manifest.id, "skipped", f"The manifest of {manifest.id} has no gate.", hint)


def judged(manifest: ModelManifest, scores: Sequence[Score]) -> list[Finding]:
    """Return a finding for each gate of a manifest: whether the score of its id is no worse than it says.

    A gate whose id was not measured is skipped where nothing of that metric was, and failed where it was measured under
    another id: the number that was promised is not there.
    """
    return [_judged(entry, manifest.id, scores) for entry in _gates(manifest)]


def _gates(manifest: ModelManifest) -> list[Mapping[str, Any]]:
    entries = manifest.document.get("scores", [])
    if not isinstance(entries, list):
        return []
    return [
        entry
        for entry in entries
        if isinstance(entry, dict)
        and isinstance(entry.get("metric"), str)
        and type(entry.get("gate")) in (int, float)
        and entry.get("direction") in ("lower", "higher")
    ]


def _judged(entry: Mapping[str, Any], model: str, scores: Sequence[Score]) -> Finding:
    wanted, gate, direction = entry["metric"], entry["gate"], entry["direction"]
    metric = wanted.partition("@")[0]
    check, details = f"gate/{metric}", {"id": wanted, "gate": gate, "direction": direction}
    again = f"aigc-zoo eval {model} --metric {metric.partition('.')[0]} --gates"
    same = [score for score in scores if str(score.id) == wanted]
    near = [score for score in scores if score.id.metric == metric]
    if not same and not near:
        return Finding(check, model, "skipped", f"{metric} was not measured.", f"Measure it: {again}", details)
    if not same:
        text = f"It was measured as {near[0].id}, and the gate is of {wanted}: the two do not compare."
        return Finding(check, model, "failed", text, "Measure it as the gate says, or set the gate anew.", details)
    score = same[0]
    details |= {"value": score.value, "by_seed": [*score.by_seed.values()], "floor": score.floor}
    if score.value is None:
        return Finding(
            check,
            model,
            "failed",
            f"{metric} has no value: {score.why}.",
            f"Look at samples: aigc-zoo run {model}",
            details,
        )
    worse = score.value > gate if direction == "lower" else score.value < gate
    text = f"{metric} is {score.value:.6g}, and the gate is at {'most' if direction == 'lower' else 'least'} {gate:g}."
    if worse:
        return Finding(check, model, "failed", text, f"See what it is of: {again}", details)
    return Finding(check, model, "passed", "", "", details)
