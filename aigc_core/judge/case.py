"""One model before the judge: what is done with it in each step, and what is known of it by then."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from aigc_core.errors import Refused
from aigc_core.findings import Finding
from aigc_core.judge import made, metrics
from aigc_core.judge.boxed import boxed
from aigc_core.judge.budget import MOST_BYTES, as_gates_need, cut
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.clauses import clauses
from aigc_core.judge.ending import ending, environment
from aigc_core.judge.made import BySeed
from aigc_core.judge.outside import MANIFESTS, SCORES
from aigc_core.judge.settings import Settings
from aigc_core.judge.sheet import Sheet, sheet_of


class Stop(Exception):
    """Nothing after this step can be done."""


class Case:
    """What the steps know of one model by now."""

    def __init__(self, candidate: Candidate, settings: Settings) -> None:
        assert candidate.entry.manifest is not None
        self.candidate, self.entry, self.manifest = candidate, candidate.entry, candidate.entry.manifest
        self.cut = [*cut(self.manifest, settings)]
        self.settings = as_gates_need(self.manifest, settings)
        self.files: dict[str, Path] = {}
        self.environment: Mapping[str, str] = {}
        self.numbers: dict[str, float | str] = {}
        self.sheet: Sheet | None = None
        self.samples: BySeed = {}
        self.golden: list[Finding] = []

    def finding(self, check: str, text: str = "", hint: str = "") -> Finding:
        return Finding(check, self.candidate.id, "failed" if text else "passed", text, hint)


def _manifest(case: Case) -> Iterator[Finding]:
    static = MANIFESTS.do(_static, case.entry.path, stop=case.settings.stop)
    found = [each._replace(subject=case.candidate.id) for each in static]
    if any(each.status == "failed" for each in found):
        raise Stop(found)
    yield from found
    yield from case.cut


def _static(path: str) -> list[Finding]:
    from aigc_core.check import check_static

    return [*check_static(path)]


def _licence(case: Case) -> Iterator[Finding]:
    terms = case.manifest.document.get("terms")
    terms = terms if isinstance(terms, dict) else {}
    for part in ("code", "weights", "data"):
        hint = f'Write an SPDX id, such as "Apache-2.0", under terms.{part}.'
        declared = isinstance(terms.get(part), str) and terms[part]
        needless = (part == "weights" and not case.manifest.files) or (part == "data" and "data" in terms)
        text = "" if declared or needless else f"Nobody says what the {part} may be used for: terms.{part} is empty."
        yield case.finding(f"licence/{part}", text, hint if text else "")


def _weights(case: Case) -> Iterator[Finding]:
    from aigc_core.run.load import fetch

    pickled = [file.path for file in case.manifest.files if file.format == "pickle"]
    if pickled:
        raise Refused(f"{pickled[0]} is a pickle, and a judge opens none.", "Publish it as safetensors.")
    if (size := sum(file.size for file in case.manifest.files)) > MOST_BYTES:
        raise Refused(f"Its files have {size / 1e9:,.0f} GB, and a judge fetches {MOST_BYTES / 1e9:,.0f} GB at most.")
    case.files = fetch(case.entry)
    readable = [path for path in case.files.values() if not os.geteuid() and not path.stat().st_mode & 0o004]
    if readable:
        raise Refused(
            f"{readable[0]} is closed to other users, one of whom the sandbox is.", f"chmod o+r {readable[0]}"
        )
    yield case.finding("weights")


def _samples(case: Case) -> Iterator[Finding]:
    jobs = ["load", *(["samples"] if "generate" in case.manifest.capabilities else []), "golden"]
    with boxed(case.candidate, case.files, jobs, case.settings) as visit:
        case.environment = environment(visit)
        case.golden = list(made.golden(case.candidate, visit))
        found = list(ending(case.candidate, visit))
        if any(each.status == "failed" for each in found):
            raise Stop(found)
        if "samples" in jobs:
            case.samples, checks = made.samples(case.candidate, visit, case.settings)
            found += checks
            case.sheet = sheet_of(next(iter(case.samples.values()))) if case.samples else None
            case.numbers |= made.fingerprint(case.samples)
    if any(each.status == "failed" for each in found):
        raise Stop(found)
    yield from found


def _golden(case: Case) -> Iterator[Finding]:
    yield from case.golden


def _conformance(case: Case) -> Iterator[Finding]:
    with boxed(case.candidate, case.files, ["conformance"], case.settings) as visit:
        ended = list(ending(case.candidate, visit))
        yield from clauses(case.candidate, visit)
        yield from (each for each in ended if each.status == "failed")


def _metrics(case: Case) -> Iterator[Finding]:
    settings = case.settings._replace(stop=None)  # which no other process could hear
    findings, numbers = SCORES.do(metrics.gates, case.candidate, settings, case.samples, stop=case.settings.stop)
    case.numbers |= numbers
    yield from findings


Step = Callable[[Case], Iterator[Finding]]
DONE: dict[str, Step] = {
    "manifest": _manifest,
    "licence": _licence,
    "weights": _weights,
    "samples": _samples,
    "golden": _golden,
    "conformance": _conformance,
    "metrics": _metrics,
}
"""What is done in each step."""
