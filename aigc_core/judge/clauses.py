"""What the conformance kit found inside, where a hostile plugin could have written it itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aigc_core.errors import Refused
from aigc_core.findings import Finding, Status
from aigc_core.judge.boxed import Boxed
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.lines import line

_STATUSES: tuple[Status, ...] = ("passed", "failed", "expected", "skipped")
_MOST_CLAUSES, _MOST_S = 1000, 1e6


def clauses(candidate: Candidate, visit: Boxed) -> Iterator[Finding]:
    """Yield what the conformance kit found inside, which a hostile plugin could have written itself: each says so."""
    try:
        said = visit.came.document("clauses.json").get("findings")
    except Refused as error:
        yield Finding("clause", candidate.id, "failed", f"The conformance kit gave no result: {error}", error.hint)
        return
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    for row in rows[:_MOST_CLAUSES]:
        yield _told(row, candidate.id)
    if not rows:
        yield Finding("clause", candidate.id, "failed", "The conformance kit ran no clause.")


def _told(row: Mapping[str, Any], name: str) -> Finding:
    """Return a finding that came out of the sandbox: every field bounded, and of a status that there is."""
    status: Status = next((known for known in _STATUSES if known == row.get("status")), "failed")
    check, text, hint = (line(row.get(field))[:2000] for field in ("check", "text", "hint"))
    details: Any = row.get("details")
    details = {**(details if isinstance(details, dict) else {}), "of": line(row.get("subject"))[:200]}
    seconds: Any = row.get("seconds")
    took = min(max(float(seconds), 0.0), _MOST_S) if type(seconds) is float else 0.0
    check = check if re.fullmatch(r"clause/[A-Z][0-9]{1,2}", check) or check == "clause" else "clause/unknown"
    return Finding(check, name, status, text, hint, {**details, "said_inside": True}, took)
