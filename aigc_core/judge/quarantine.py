"""Failures that somebody has accepted for a while: each with a reason and a day on which it ends."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from aigc_core.errors import WrongUse
from aigc_core.findings import Finding

LONGEST = 90
"""Days that a quarantine can last from today."""
_FIELDS = ("model", "check", "reason", "until")
_NEVER = ("sandbox/", "judge")
"""Checks that nobody can accept: what a model tries to do to the machine."""


class Entry(NamedTuple):
    """One failure that is accepted."""

    model: str
    check: str
    """A finding's ``check``, such as ``golden/0``."""
    reason: str
    until: datetime.date
    """The last day that it holds."""


def read(path: str, today: datetime.date) -> list[Entry]:
    """Read a quarantine file: a JSON list of objects with model, check, reason and until (YYYY-MM-DD).

    Raises ``WrongUse`` for the first entry that cannot be used, and for one that ends too far ahead.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            rows = json.load(stream)
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except ValueError as error:
        raise WrongUse(f"{path} is no JSON: {error}.") from error
    if not isinstance(rows, list):
        raise WrongUse(f"{path} is no JSON list.", "It takes a list of objects with model, check, reason and until.")
    return [_entry(path, number, row, today) for number, row in enumerate(rows)]


def _entry(path: str, number: int, row: Any, today: datetime.date) -> Entry:
    where = f"Entry {number} of {path}"
    if not isinstance(row, dict) or {*row} != {*_FIELDS} or not all(isinstance(row[name], str) for name in _FIELDS):
        raise WrongUse(f"{where} takes the texts {', '.join(_FIELDS)}, and no other fields.")
    if not row["reason"].strip():
        raise WrongUse(f"{where} has no reason.", "Say why, best with a link to the issue.")
    if row["check"].startswith(_NEVER):
        raise WrongUse(f"{where} accepts {row['check']}, and what a model does to the machine is never accepted.")
    try:
        until = datetime.date.fromisoformat(row["until"])
    except ValueError:
        raise WrongUse(f"{where} ends on {row['until']!r}, which is no day.", "Such as 2026-12-31.") from None
    if (until - today).days > LONGEST:
        last = today + datetime.timedelta(days=LONGEST)
        raise WrongUse(f"{where} ends on {until}, more than {LONGEST} days ahead.", f"At the latest on {last}.")
    return Entry(row["model"], row["check"], row["reason"], until)


def applied(findings: Sequence[Finding], model: str, entries: Sequence[Entry], today: datetime.date) -> list[Finding]:
    """Return a model's findings with the accepted failures as ``expected``.

    One whose quarantine has ended stays failed and says so; one that is accepted and passed is a failure too: the entry
    is to be removed.
    """
    mine = {entry.check: entry for entry in entries if entry.model == model}
    return [_applied(each, mine.get(each.check), today) for each in findings]


def _applied(finding: Finding, entry: Entry | None, today: datetime.date) -> Finding:
    if entry is None or finding.status in ("skipped", "expected"):
        return finding
    if finding.status == "passed":
        text = f"It is in quarantine until {entry.until}, and passes."
        return finding._replace(status="failed", text=text, hint="Remove its entry from the quarantine file.")
    if today > entry.until:
        return finding._replace(text=f"{finding.text} Its quarantine ended on {entry.until}: {entry.reason}")
    return finding._replace(status="expected", text=f"{finding.text} In quarantine until {entry.until}: {entry.reason}")


def unused(entries: Sequence[Entry], models: Sequence[str]) -> list[str]:
    """Return a sentence for each entry of a model that nobody knows."""
    return [
        f"The quarantine names {entry.model} ({entry.check}), which no model is called." for entry in entries
        if entry.model not in models
    ]  # fmt: skip
