"""What a check found: one record for every check of this project, static or dynamic, whoever makes it or shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

Status = Literal["passed", "failed", "expected", "skipped"]
"""``expected`` is a failure that somebody has said will come, with a reason."""


class Finding(NamedTuple):
    """How one check of one subject ended."""

    check: str
    """What was checked, as a stable id: ``manifest/wrong-hash``, ``clause/N2``, ``golden/0``, ``gate/core:frechet``."""
    subject: str
    """Of what: a model's id, or a component as ``losses gan:hinge``."""
    status: Status
    text: str = ""
    """In a sentence, what is wrong, or why it was skipped; empty where it passed."""
    hint: str = ""
    """What to type or to write next."""
    details: Mapping[str, Any] = {}
    """Evidence as JSON: numbers, coordinates, file and line, the lines that reproduce it."""
    seconds: float = 0.0
    """What the check took, by the wall."""


class Report(NamedTuple):
    """All findings about one subject, or one run, in the order in which they were made."""

    subject: str
    findings: tuple[Finding, ...]
    environment: Mapping[str, str]
    """Versions of everything that can move a number, by name."""

    @property
    def passed(self) -> bool:
        """Say that nothing failed; a report without a single check that ran has not passed."""
        ran = [each for each in self.findings if each.status != "skipped"]
        return bool(ran) and all(each.status != "failed" for each in ran)


def counts(findings: Iterable[Finding]) -> dict[Status, int]:
    """Return how many findings have each status, the absent ones as 0."""
    found: dict[Status, int] = {"passed": 0, "failed": 0, "expected": 0, "skipped": 0}
    for each in findings:
        found[each.status] += 1
    return found
