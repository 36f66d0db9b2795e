"""What one run of the judge came to: the one object that every renderer shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aigc_core.findings import Finding, Report, Status, counts
from aigc_core.judge.sheet import Sheet
from aigc_core.sandbox.choose import Backend


class Row(NamedTuple):
    """One model's judgement."""

    report: Report
    why: tuple[str, ...]
    """Why it was chosen."""
    kept: bool
    """It was judged before, and nothing has changed since."""
    seconds: float
    sheet: Sheet | None = None
    numbers: Mapping[str, float | str] = {}

    @property
    def id(self) -> str:
        return self.report.subject

    @property
    def failed(self) -> list[Finding]:
        return [each for each in self.report.findings if each.status == "failed"]


class Result(NamedTuple):
    """A whole run."""

    rows: tuple[Row, ...]
    """In the order of the models' names, whoever finished first."""
    backend: Backend
    steps: tuple[str, ...]
    seconds: float
    chosen: str
    """In a sentence, how the models were chosen."""
    unchosen: int = 0
    """How many known models were not."""
    shard: str = ""
    notes: tuple[str, ...] = ()
    """What else is to be said, a sentence each: changed files that no model depends on, quarantine that has ended."""

    @property
    def passed(self) -> bool:
        """Say that every model passed; where none was chosen, nothing failed."""
        return all(row.report.passed for row in self.rows)

    @property
    def refused(self) -> bool:
        """Some model was not judged, because the sandbox is too weak for it."""
        return any(each.check == "sandbox/refused" for row in self.rows for each in row.failed)

    def counts(self) -> dict[Status, int]:
        """Return how many findings have each status."""
        return counts(each for row in self.rows for each in row.report.findings)
