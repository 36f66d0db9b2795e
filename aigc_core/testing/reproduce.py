"""The three lines that repeat a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_core.testing.clauses import Clause
    from aigc_core.testing.subjects import Subject


def lines(subject: Subject, clause: Clause) -> list[str]:
    """Return a program of three lines that runs one clause on one subject, and ends in its error."""
    return [
        f"# {clause.id}: {clause.title}",
        "from aigc_core.testing import check",
        f'check("{subject.plugin.name}", "{subject}", "{clause.id}")',
    ]
