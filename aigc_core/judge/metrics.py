"""A model's gates: its scores, computed out here from the samples that came, never by its own word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import WrongUse, ZooError
from aigc_core.evaluate.gates import gated as names_of
from aigc_core.evaluate.gates import judged, none_of
from aigc_core.findings import Finding, Status
from aigc_core.judge.budget import gated
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.lines import line
from aigc_core.judge.made import BySeed
from aigc_core.judge.scores import check_owner, measured
from aigc_core.judge.settings import Settings

if TYPE_CHECKING:
    from aigc_core.evaluate.score import Score


def gates(candidate: Candidate, settings: Settings, samples: BySeed) -> tuple[list[Finding], dict[str, float]]:
    """Return a finding for each gate of a manifest, and every score that was measured, by its id."""
    entry = candidate.entry
    assert entry.manifest is not None
    claimed = gated(entry.manifest)
    if not claimed:
        return [none_of(entry.manifest)], {}
    faults = [_fault(entry.id, each) for each in claimed]
    usable = [each for each, fault in zip(claimed, faults, strict=True) if fault is None]
    manifest = entry.manifest._replace(document={**entry.manifest.document, "scores": usable})
    why: dict[str, _Why] = {}
    names = []
    for name in names_of(manifest):
        if reason := _not_measured(candidate, settings, name):
            why[name] = reason
        else:
            names.append(name)
    scores: list[Score] = []
    for group in _groups(names):
        try:
            scores += measured(candidate, settings, samples, group)
        except ZooError as error:
            why |= {name: _Why("failed", str(error), error.hint) for name in group}
    numbers = {str(score.id): score.value for score in scores if score.value is not None}
    found = [_explained(each, why) for each in judged(manifest, scores)]
    return [*(each for each in faults if each is not None), *found], numbers


class _Why(NamedTuple):
    """Why a metric was not measured."""

    status: Status
    text: str
    hint: str


def _not_measured(candidate: Candidate, settings: Settings, name: str) -> _Why | None:
    from aigc_core.evaluate.wanted import wanted

    again = f"Where you trust its code: aigc-zoo eval {candidate.id} --metric {name} --gates"
    try:
        check_owner(settings, name)
        (each,) = wanted([name])
    except ZooError as error:
        return _Why("failed", str(error), error.hint)
    if each.of_likelihood:
        text = f"{name} is of what the model itself says of held-out data, and here nobody takes its word for a score."
        return _Why("skipped", text, again)
    if each.of_cost:
        return _Why("skipped", f"{name} is of what a run takes, which is another inside a sandbox.", again)
    return None


def _explained(finding: Finding, why: Mapping[str, _Why]) -> Finding:
    """Return a gate's finding; of one that nothing was measured for, with the reason, and failed where none is known.

    A gate that is passed over in silence would be as good as none.
    """
    if finding.status != "skipped":
        return finding
    reason = why.get(finding.check.removeprefix("gate/").partition(".")[0])
    if reason is None:
        return finding._replace(status="failed")
    return finding._replace(status=reason.status, text=reason.text, hint=reason.hint)


def _fault(model: str, score: Mapping[str, Any]) -> Finding | None:
    """Return a finding where nobody can hold anything against a gate."""
    name, gate, direction = score["metric"], score["gate"], score.get("direction")
    shown = line(name.partition("@")[0])[:100]
    if not _is_id(name):
        text, hint = f"{shown} is no id of a score, so nobody can measure it again.", "Take the id from: aigc-zoo eval "
        return Finding(f"gate/{shown}", model, "failed", text, hint + model)
    if type(gate) not in (int, float) or not abs(gate) < _NO_GATE or direction not in ("lower", "higher"):
        text = f"Its gate is {line(gate)[:50]}, its direction {line(direction)[:50]}: no number can be held to it."
        return Finding(f"gate/{shown}", model, "failed", text, "A gate is a number, its direction lower or higher.")
    return None


_NO_GATE = 1e300
"""A number that every score is below is no gate."""


def _is_id(text: str) -> bool:
    from aigc_core.evaluate.identity import Identity

    try:
        Identity.parse(text)
    except (WrongUse, ValueError):  # of thousands of digits Python makes no number
        return False
    return True


def _groups(names: list[str]) -> Iterator[list[str]]:
    """Yield metrics that look at no data, then those that do: where the data are missing, the others are measured."""
    from aigc_core.evaluate.wanted import wanted

    of_data = [each.name for each in wanted(names) if each.of_data]
    yield from (group for group in ([name for name in names if name not in of_data], of_data) if group)
