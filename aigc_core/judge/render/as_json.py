"""A result as JSON, by the schema ``aigc-zoo/ci/1``."""

from __future__ import annotations

import math
from typing import Any

from aigc_core.findings import Finding
from aigc_core.judge.render.words import state
from aigc_core.judge.result import Result, Row


def document(result: Result) -> dict[str, Any]:
    """Return what ``aigc-zoo ci --json`` prints, but for the schema's name."""
    backend = result.backend
    return {
        "passed": result.passed,
        "seconds": round(result.seconds, 3),
        "sandbox": {"name": backend.name, "reason": backend.reason, "leaves": list(backend.leaves)},
        "chosen": result.chosen,
        "unchosen": result.unchosen,
        "shard": result.shard,
        "steps": list(result.steps),
        "notes": list(result.notes),
        "counts": dict(result.counts()),
        "models": [_row(row) for row in result.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "model": row.id,
        "state": state(row),
        "why": list(row.why),
        "kept": row.kept,
        "seconds": row.seconds,
        "environment": dict(row.report.environment),
        "numbers": dict(row.numbers),
        "findings": [_finding(each) for each in row.report.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {**finding._asdict(), "details": finite(dict(finding.details)), "seconds": round(finding.seconds, 3)}


def finite(value: Any) -> Any:
    """Return a value as JSON can hold it: None for a number that is none, texts for what has no form in JSON."""
    if isinstance(value, dict):
        return {str(name): finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
