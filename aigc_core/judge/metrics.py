"""A model's gates: its scores, computed out here from the samples that came, never by its own word."""

from __future__ import annotations

import functools
import json
import threading
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, Refused, WrongUse, ZooError
from aigc_core.evaluate.gates import gated, judged
from aigc_core.findings import Finding
from aigc_core.judge.boxed import Settings
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.inside import BySeed
from aigc_core.manifest import ModelManifest
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.evaluate.score import Score
    from aigc_core.evaluate.wanted import Wanted


def as_gates_need(manifest: ModelManifest, settings: Settings) -> Settings:
    """Return the settings with as many samples, and seeds, as the manifest's gates are of; never fewer than before."""
    from aigc_core.evaluate.identity import Identity

    counts, seeds = [settings.samples], [len(settings.seeds)]
    for score in _gated(manifest):
        try:
            counts.append(Identity.parse(score["metric"]).n)
        except WrongUse:
            continue  # the gate itself will be told to be none
        seeds.append(min(int(score.get("seeds", 1)), _MOST_SEEDS))
    return settings._replace(samples=min(max(counts), _MOST), seeds=tuple(range(max(seeds))))


_MOST, _MOST_SEEDS = 10_000, 5
"""What a manifest can ask of a judge, however many its author has measured."""


def _gated(manifest: ModelManifest) -> list[dict[str, Any]]:
    scores = manifest.document.get("scores", [])
    found = scores if isinstance(scores, list) else []
    return [each for each in found if isinstance(each, dict) and "gate" in each and isinstance(each.get("metric"), str)]


def gates(candidate: Candidate, settings: Settings, samples: BySeed) -> tuple[list[Finding], dict[str, float]]:
    """Return a finding for each gate of a manifest, and every score that was measured, by its id."""
    entry = candidate.entry
    assert entry.manifest is not None
    names = gated(entry.manifest)
    claimed = [each["metric"] for each in _gated(entry.manifest)]
    if not claimed:
        hint = "Write a gate beside a score: aigc-zoo eval " + entry.id
        return [Finding("gate", entry.id, "skipped", "The manifest has no gate.", hint)], {}
    unknown = [
        Finding(f"gate/{name}", entry.id, "failed", f"{name} is no id of a score, so nobody can measure it again.",
                "Take the id from: aigc-zoo eval " + entry.id)
        for name in claimed if ":" not in name.partition("@")[0]
    ]  # fmt: skip
    if not names:
        return unknown, {}
    try:
        scores = _measured(candidate, settings, samples, names)
    except ZooError as error:
        return [*unknown, Finding("gate", entry.id, "failed", str(error), error.hint)], {}
    numbers = {str(score.id): score.value for score in scores if score.value is not None}
    return [*unknown, *judged(entry.manifest, scores)], numbers


def _measured(candidate: Candidate, settings: Settings, samples: BySeed, names: list[str]) -> list[Score]:
    from aigc_core.estimate.sources import recipe_of
    from aigc_core.evaluate.measure import scores_of
    from aigc_core.evaluate.wanted import wanted

    entry = candidate.entry
    assert entry.manifest is not None
    if not samples:
        raise NotAvailable(f"{entry.id} makes no samples from noise, so nothing of it can be measured.")
    _check_owners(candidate, settings, names)
    judge = _judge() if entry.manifest.output["kind"] == "image" else None
    free = [each for each in wanted(names) if not each.needs("real_") and not each.needs("training_")]
    rest = [name for name in names if name not in {each.name for each in free}]
    with _ONE_AT_A_TIME:
        found = [score for each in free for score in _without_data(each, samples, judge)]
        if not rest:
            return found
        data = recipe_of(entry)["data"]
        _check_owners(candidate, settings, [str(data["source"].get("kind", ""))])
        reference = _reference(entry, settings.data.get(data["name"]), judge, json.dumps(data, sort_keys=True))
        return [*found, *scores_of({**samples}, rest, reference)]


def _without_data(each: Wanted, samples: BySeed, judge: Any) -> list[Score]:
    """Return the scores of a metric that looks at no data: a model needs no recipe for it, and has no floor."""
    from aigc_core.evaluate.measure import gathered, identity_of, measure
    from aigc_core.evaluate.reference import Reference
    from aigc_core.evaluate.views import Views

    none = Reference("", "training", Views([], judge), Views([], judge))
    views = {
        seed: Views(made.levels() if made.kind == "image" else [*made.values], judge) for seed, made in samples.items()
    }
    first = next(iter(views.values()))
    by_seed = {seed: measure(each, view, none) for seed, view in views.items()}
    return gathered(each, identity_of(each, none, len(first), first), by_seed, [], {})


def _check_owners(candidate: Candidate, settings: Settings, names: list[str]) -> None:
    """Refuse metrics and readers of data that would run a plugin's code out here, where nobody has read that."""
    for name in names:
        owner, colon, _ = name.partition(":")
        if colon and owner != "core" and owner not in settings.trusted:
            text = f"{name} is code of the plugin {owner}, which would run outside of the sandbox."
            raise Refused(text, f"Use core's, or if somebody has read the code: --trust {owner}")


_ONE_AT_A_TIME = threading.Lock()
"""Metrics set the number of threads of the whole process, and hold gigabytes."""
_references: dict[tuple[str | None, str], Any] = {}


def _reference(entry: Entry, path: str | None, judge: Any, data: str) -> Any:
    """Return the data of a recipe, read once for all models of the same."""
    from aigc_core.evaluate.reference import reference_of

    if (path, data) not in _references:
        _references[path, data] = reference_of(entry, path, judge)
    return _references[path, data]


@functools.cache
def _judge() -> Any:
    """Return the frozen extractor, loaded once for all models."""
    from aigc_core.evaluate.judge import open_judge

    return open_judge()
