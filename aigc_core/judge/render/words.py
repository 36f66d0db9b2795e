"""The words that every rendering shares."""

from __future__ import annotations

from aigc_core.errors import counted
from aigc_core.findings import Finding
from aigc_core.judge.result import Result, Row


def state(row: Row) -> str:
    """Return ``passed``, ``failed``, or ``refused`` where the model was not judged at all."""
    if any(each.check == "sandbox/refused" for each in row.failed):
        return "refused"
    return "passed" if row.report.passed else "failed"


def summary(result: Result) -> str:
    """Return the outcome in one sentence."""
    states = [state(row) for row in result.rows]
    parts = [f"{counted(len(states), 'model')} judged in {result.seconds:.1f} s"]
    if kept := sum(row.kept for row in result.rows):
        parts[0] += f" ({kept:,} unchanged since they were judged before)"
    parts.append(f"{states.count('passed'):,} passed")
    parts += [f"{states.count(word):,} {word}" for word in ("failed", "refused") if word in states]
    return ", ".join(parts) + "."


def held(result: Result) -> str:
    """Return what held the models' code, in one sentence."""
    backend = result.backend
    if backend.name == "none":
        return "Nothing held the models' code: --unsandboxed was typed."
    why = f", because {backend.reason}" if backend.reason else ""
    return f"The models' code was held by {backend.name}{why}; what that leaves: {'; '.join(backend.leaves)}."


def notes(row: Row) -> list[Finding]:
    """Return the findings of a model that did not fail and have something to say."""
    return [each for each in row.report.findings if each.status != "failed" and each.text]


def plain(text: str) -> str:
    """Return text that a model may have written, in one line, without anything that steers a terminal or a page."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
