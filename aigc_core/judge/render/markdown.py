"""A result as a comment on a pull request. What a model wrote stands in code blocks, where it can do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigc_core.errors import counted
from aigc_core.findings import counts
from aigc_core.judge.render.words import held, notes, plain, state, summary
from aigc_core.judge.result import Result, Row

MOST = 60_000
"""Characters: a comment on GitHub has at most 65,536."""
MARK = "<!-- aigc-zoo ci -->"
"""How the next run finds this comment again, to replace it."""
_SIGNS = {"passed": "✅", "failed": "❌", "refused": "⛔"}


def text(result: Result) -> str:
    """Return the comment, cut where it would be too long."""
    head = [MARK, f"## aigc-zoo ci: {summary(result)}", "", plain(result.chosen), "", *_table(result)]
    parts = ["\n".join(head)]
    size = len(parts[0])
    failed = [row for row in result.rows if row.failed]
    for number, row in enumerate(failed):
        part = "\n".join(_details(row))
        if size + len(part) > MOST:
            parts.append(f"\n… and {counted(len(failed) - number, 'failed model')} more: see the full report.")
            break
        parts.append(part)
        size += len(part)
    return "\n".join([*parts, "", "<sub>" + plain(held(result)) + "</sub>", ""])


def _table(result: Result) -> Iterator[str]:
    yield "| | model | checks | why |"
    yield "|---|---|---|---|"
    rows = sorted(result.rows, key=lambda row: row.report.passed)  # what failed comes first
    for row in rows[:_ROWS]:
        number = counts(row.report.findings)
        shown = ", ".join(f"{count} {name}" for name, count in number.items() if count)
        why = "; ".join(row.why) + (" (unchanged)" if row.kept else "")
        yield f"| {_SIGNS[state(row)]} | `{_code(row.id)}` | {shown} | {_cell(why)} |"
    if len(rows) > _ROWS:
        yield f"| | … | {len(rows) - _ROWS} more models | |"


_ROWS = 200


def _details(row: Row) -> Iterator[str]:
    shown = [*row.failed, *(each for each in notes(row) if each.status == "expected")]
    opened = " open" if len(shown) < 4 else ""
    yield f"\n<details{opened}><summary>{_code(row.id)}: {len(row.failed)} failed</summary>\n"
    block = "\n".join(
        line
        for each in shown
        for line in (f"{each.status}  {plain(each.check)}", f"  {plain(each.text)}", *_hint(each.hint))
    )
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", block)), default=0))
    yield f"{fence}text\n{block}\n{fence}\n\n</details>"


def _hint(hint: str) -> list[str]:
    return [f"  -> {plain(hint)}"] if hint else []


def _code(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._:/@ -]", "?", text)


def _cell(text: str) -> str:
    """Return text for a cell: nothing of Markdown or HTML stays, no mention and no link."""
    return re.sub(r"[^A-Za-z0-9 .,;:/_()-]", "?", plain(text)).replace("://", ":")
