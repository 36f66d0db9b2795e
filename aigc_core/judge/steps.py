"""The steps of judging one model, in order; each ends in findings, and what builds on one that failed is skipped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from aigc_core.errors import Refused, ZooError
from aigc_core.findings import Finding
from aigc_core.judge import inside, metrics
from aigc_core.judge.boxed import Settings, boxed
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.sheet import Sheet, sheet_of

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


class _Stop(Exception):
    """Nothing after this step can be done."""


def judge(candidate: Candidate, settings: Settings, steps: tuple[str, ...] = tuple(STEPS)) -> Judged:
    """Judge one model. Raises nothing that the model, its files or its code can cause."""
    case = _Case(candidate, settings)
    done: list[Finding] = []
    stopped = ""
    for name, step in _ORDER:
        if name not in steps:
            continue
        if stopped:
            done.append(Finding(name, candidate.id, "skipped", f"It builds on {stopped}, which failed."))
            continue
        began = time.perf_counter()
        try:
            found = list(step(case))
        except _Stop as reason:
            (found,), stopped = reason.args, name
        except ZooError as error:
            found, stopped = [Finding(name, candidate.id, "failed", str(error), error.hint)], name
        seconds = time.perf_counter() - began
        done += [each if each.seconds else each._replace(seconds=seconds / len(found)) for each in found]
    return Judged(tuple(done), case.environment, case.numbers, case.sheet)


class _Case:
    """What the steps know of one model by now."""

    def __init__(self, candidate: Candidate, settings: Settings) -> None:
        assert candidate.entry.manifest is not None
        self.candidate, self.entry, self.manifest = candidate, candidate.entry, candidate.entry.manifest
        self.settings = metrics.as_gates_need(self.manifest, settings)
        self.files: dict[str, Path] = {}
        self.environment: Mapping[str, str] = {}
        self.numbers: dict[str, float | str] = {}
        self.sheet: Sheet | None = None
        self.samples: inside.BySeed = {}
        self.golden: list[Finding] = []

    def finding(self, check: str, text: str = "", hint: str = "") -> Finding:
        return Finding(check, self.candidate.id, "failed" if text else "passed", text, hint)


def _manifest(case: _Case) -> Iterator[Finding]:
    from aigc_core.check import check_static

    found = [each._replace(subject=case.candidate.id) for each in check_static(case.entry.path)]
    if any(each.status == "failed" for each in found):
        raise _Stop(found)
    yield from found


def _licence(case: _Case) -> Iterator[Finding]:
    terms = case.manifest.document["terms"]
    for part in ("code", "weights", "data"):
        hint = f'Write an SPDX id, such as "Apache-2.0", under terms.{part}.'
        declared = isinstance(terms.get(part), str) and terms[part]
        needless = (part == "weights" and not case.manifest.files) or (part == "data" and "data" in terms)
        text = "" if declared or needless else f"Nobody says what the {part} may be used for: terms.{part} is empty."
        yield case.finding(f"licence/{part}", text, hint if text else "")


def _weights(case: _Case) -> Iterator[Finding]:
    from aigc_core.run.load import fetch

    pickled = [file.path for file in case.manifest.files if file.format == "pickle"]
    if pickled:
        raise Refused(f"{pickled[0]} is a pickle, and a judge opens none.", "Publish it as safetensors.")
    case.files = fetch(case.entry)
    readable = [path for path in case.files.values() if not os.geteuid() and not path.stat().st_mode & 0o004]
    if readable:
        raise Refused(
            f"{readable[0]} is closed to other users, one of whom the sandbox is.", f"chmod o+r {readable[0]}"
        )
    yield case.finding("weights")


def _samples(case: _Case) -> Iterator[Finding]:
    jobs = ["load", *(["samples"] if "generate" in case.manifest.capabilities else []), "golden"]
    with boxed(case.candidate, case.files, jobs, case.settings) as visit:
        case.environment = inside.environment(visit)
        case.golden = list(inside.golden(case.candidate, visit))
        found = list(inside.ending(case.candidate, visit))
        if any(each.status == "failed" for each in found):
            raise _Stop(found)
        if "samples" in jobs:
            made, checks = inside.samples(case.candidate, visit, case.settings)
            found += checks
            case.samples = made
            case.sheet = sheet_of(next(iter(made.values()))) if made else None
            case.numbers |= inside.fingerprint(made)
    if any(each.status == "failed" for each in found):
        raise _Stop(found)
    yield from found


def _golden(case: _Case) -> Iterator[Finding]:
    yield from case.golden


def _conformance(case: _Case) -> Iterator[Finding]:
    with boxed(case.candidate, case.files, ["conformance"], case.settings) as visit:
        ended = list(inside.ending(case.candidate, visit))
        yield from inside.clauses(case.candidate, visit)
        yield from (each for each in ended if each.status == "failed")


def _metrics(case: _Case) -> Iterator[Finding]:
    findings, numbers = metrics.gates(case.candidate, case.settings, case.samples)
    case.numbers |= numbers
    yield from findings


_Step = Callable[[_Case], Iterator[Finding]]
_ORDER: tuple[tuple[str, _Step], ...] = (
    ("manifest", _manifest),
    ("licence", _licence),
    ("weights", _weights),
    ("samples", _samples),
    ("golden", _golden),
    ("conformance", _conformance),
    ("metrics", _metrics),
)
