"""The steps of judging one model, in order; each ends in findings, and what builds on one that failed is skipped."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

from aigc_core.errors import ZooError
from aigc_core.findings import Finding
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.case import DONE, Case, Stop
from aigc_core.judge.settings import Settings
from aigc_core.judge.sheet import Sheet

STEPS = {
    "manifest": "every field of the manifest, and the files that it bundles",
    "licence": "licences of code, weights and data, each declared",
    "weights": "every file is had, with the size and the hash that the manifest says",
    "samples": "it loads, and makes samples as declared: in shape and range, again, and one at a time",
    "golden": "the stored cases",
    "conformance": "the clauses of the contract, by the kit, inside the sandbox",
    "metrics": "the scores of its samples against the gates of its manifest",
}
"""Every step and what it looks at."""


_NEEDS = {
    "samples": ("weights",),
    "golden": ("weights", "samples"),
    "conformance": ("weights",),
    "metrics": ("weights", "samples"),
}


def whole(wanted: Collection[str]) -> tuple[str, ...]:
    """Return steps with those that they build on, in order; all, where none is named."""
    needed = {*wanted, *(other for name in wanted for other in _NEEDS.get(name, ()))}
    return tuple(name for name in STEPS if not needed or name in needed)


class Judged(NamedTuple):
    """What came of one model."""

    findings: tuple[Finding, ...]
    environment: Mapping[str, str]
    """What its numbers depend on, by its own word."""
    numbers: Mapping[str, float | str]
    """What a ledger keeps: the samples' hash, and each score by its id."""
    sheet: Sheet | None = None
    """Its first samples, to be looked at."""


def judge(candidate: Candidate, settings: Settings, steps: tuple[str, ...] = tuple(STEPS)) -> Judged:
    """Judge one model. Raises nothing that the model, its files or its code can cause."""
    case = Case(candidate, settings)
    done: list[Finding] = []
    stopped = ""
    for name in STEPS:
        if name not in steps:
            continue
        if stopped:
            done.append(Finding(name, candidate.id, "skipped", f"It builds on {stopped}, which failed."))
            continue
        began = time.perf_counter()
        try:
            found = list(DONE[name](case))
        except Stop as reason:
            (found,), stopped = reason.args, name
        except ZooError as error:
            found, stopped = [Finding(name, candidate.id, "failed", str(error), error.hint)], name
        seconds = time.perf_counter() - began
        done += [each if each.seconds else each._replace(seconds=seconds / len(found)) for each in found]
    return Judged(tuple(done), case.environment, case.numbers, case.sheet)
