"""A result on the terminal: a line for each model, and under it whatever failed, with what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from aigc_core.cli.output import BAD, DIM, GOOD, styled
from aigc_core.errors import counted
from aigc_core.findings import counts
from aigc_core.judge.render.words import held, notes, plain, state, summary
from aigc_core.judge.result import Result, Row

_COLOURS = {"passed": GOOD, "failed": BAD, "refused": BAD}


def lines(result: Result) -> Iterator[str]:
    """Yield the whole result."""
    width = max((len(row.id) for row in result.rows), default=0)
    for row in result.rows:
        yield from of_row(row, width)
    yield from (plain(note) for note in result.notes)
    yield plain(held(result))
    yield styled(summary(result), bold=True)


def of_row(row: Row, width: int = 0) -> Iterator[str]:
    """Yield the lines of one model."""
    word, number = state(row), counts(row.report.findings)
    took = "unchanged" if row.kept else f"{row.seconds:.1f} s"
    done = counted(number["passed"] + number["failed"] + number["expected"], "check")
    rest = [f"{number[name]} {name}" for name in ("failed", "expected", "skipped") if number[name]]
    yield f"{styled(word.ljust(7), fg=_COLOURS[word])}  {plain(row.id).ljust(width)}  {', '.join([done, *rest, took])}"
    for each in row.failed:
        yield f"           {plain(f'{each.check}: {each.text}')}"
        if each.hint:
            yield f"           -> {plain(each.hint)}"
    for each in notes(row):
        if each.status == "expected" or each.check.startswith("drift/"):
            yield styled(f"           {plain(f'{each.status}: {each.check}: {each.text}')}", fg=DIM)
