"""The scores of samples that came out of the sandbox, by the core's metrics or those of a plugin that is trusted."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, Refused
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.made import BySeed
from aigc_core.judge.settings import Settings
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.evaluate.score import Score
    from aigc_core.evaluate.wanted import Wanted


def measured(candidate: Candidate, settings: Settings, samples: BySeed, names: list[str]) -> list[Score]:
    """Return the scores of metrics by name.

    Raises as ``scores_of`` does, and ``Refused`` where a stranger's code would run out here.
    """
    from aigc_core.evaluate.data_spec import spec_of
    from aigc_core.evaluate.measure import scores_of
    from aigc_core.evaluate.wanted import wanted

    entry = candidate.entry
    assert entry.manifest is not None
    if not samples:
        raise NotAvailable(f"{entry.id} makes no samples from noise, so nothing of it can be measured.")
    judge = _judge() if entry.manifest.output["kind"] == "image" else None
    kinds = wanted(names)
    if not any(each.of_data for each in kinds):
        return [score for each in kinds for score in _without_data(each, samples, judge)]
    data = spec_of(entry)
    check_owner(settings, str(data["source"].get("kind", "")))
    reference = _reference(entry, settings.data.get(data["name"]), judge, json.dumps(data, sort_keys=True))
    return scores_of({**samples}, names, reference)


def _without_data(each: Wanted, samples: BySeed, judge: Any) -> list[Score]:
    """Return the scores of a metric that looks at no data: a model needs no recipe for it, and has no floor."""
    from aigc_core.evaluate.measure import gathered, identity_of, measure
    from aigc_core.evaluate.reference import no_reference
    from aigc_core.evaluate.views import Views

    none = no_reference(judge)
    views = {
        seed: Views(made.levels() if made.kind == "image" else [*made.values], judge) for seed, made in samples.items()
    }
    first = next(iter(views.values()))
    by_seed = {seed: measure(each, view, none) for seed, view in views.items()}
    return gathered(each, identity_of(each, none, len(first), first), by_seed, [], {})


def check_owner(settings: Settings, name: str) -> None:
    """Refuse a metric or a reader of data that would run a plugin's code out here, where nobody has read that."""
    owner, colon, _ = name.partition(":")
    if colon and owner != "core" and owner not in settings.trusted:
        text = f"{name} is code of the plugin {owner}, which would run outside of the sandbox."
        raise Refused(text, f"Use core's, or if somebody has read the code: --trust {owner}")


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
