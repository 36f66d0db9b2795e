"""A result as one HTML file: every finding, and sheets of samples to look at. It loads nothing and runs no script."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from html import escape

from aigc_core.errors import counted
from aigc_core.findings import Finding, counts
from aigc_core.judge.lines import printable as shown
from aigc_core.judge.render.as_json import finite
from aigc_core.judge.render.words import held, plain, state, summary
from aigc_core.judge.result import Result, Row
from aigc_core.judge.sheet import Sheet

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --dim: #8889; --box: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } p { margin: .3rem 0; } .dim { opacity: .7; }
nav { display: flex; flex-wrap: wrap; gap: .3rem; margin: 1rem 0; }
nav a { padding: .1rem .5rem; border-radius: 1rem; border: 1px solid var(--line); color: inherit; }
nav a { text-decoration: none; }
.passed { --mark: var(--good); } .failed, .refused { --mark: var(--bad); } .skipped, .expected { --mark: var(--dim); }
nav a { border-left: .5rem solid var(--mark); }
section { border: 1px solid var(--line); border-left: .4rem solid var(--mark); border-radius: .4rem; margin: 1rem 0;
  padding: .8rem 1rem; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1.5rem; }
h2 { font-size: 1.15rem; margin: 0; } section > div { min-width: 0; }
img { image-rendering: pixelated; width: 20rem; max-width: 40vw; border-radius: .2rem; }
table { border-collapse: collapse; width: 100%; margin-top: .5rem; }
td { padding: .2rem .6rem .2rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td:first-child { color: var(--mark); font-weight: 600; white-space: nowrap; }
td:nth-child(2) { font-family: monospace; overflow-wrap: normal; }
td:last-child { text-align: right; white-space: nowrap; opacity: .7; }
pre { background: var(--box); padding: .5rem; overflow: auto; white-space: pre-wrap; font-size: .85rem; }
blockquote { margin: .3rem 0; padding: .4rem .8rem; background: var(--box); white-space: pre-wrap; max-width: 26rem; }
summary { cursor: pointer; } code { font-size: .9em; }
@media (max-width: 50rem) { section { grid-template-columns: 1fr; } img { width: 100%; max-width: none; } }
"""


def html(result: Result) -> str:
    """Return the page. Whatever a model wrote is escaped, and a policy forbids it to load or run anything."""
    rows = sorted(result.rows, key=lambda row: row.report.passed)  # what failed comes first
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(summary(result))}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(summary(result))}</h1>",
            *(f'<p class="dim">{escape(plain(text))}</p>' for text in (result.chosen, held(result), *result.notes)),
            "<nav>" + "".join(_link(row) for row in rows) + "</nav>",
            *(part for row in rows for part in _section(row)),
            "</body></html>\n",
        ]
    )


def _link(row: Row) -> str:
    return f'<a class="{state(row)}" href="#{escape(row.id, True)}">{escape(row.id)}</a>'


def _section(row: Row) -> Iterator[str]:
    number = counts(row.report.findings)
    facts = [f"{count} {name}" for name, count in number.items() if count]
    facts.append("unchanged since it was judged" if row.kept else f"{row.seconds:.1f} s")
    yield f'<section class="{state(row)}" id="{escape(row.id, True)}"><div>'
    yield f'<h2>{escape(row.id)}</h2><p class="dim">{escape(", ".join(facts))}</p>'
    if row.why:
        yield f'<p class="dim">{escape(plain("; ".join(row.why)))}</p>'
    shown = [each for each in row.report.findings if each.status in ("failed", "expected") or _moved(each)]
    yield from _table(shown)
    rest = [each for each in row.report.findings if each not in shown]
    if rest:
        yield f"<details><summary>{counted(len(rest), 'check')} without a fault</summary>"
        yield from _table(rest)
        yield "</details>"
    if row.report.environment or row.numbers:
        told = {"environment": dict(row.report.environment), "numbers": dict(row.numbers)}
        yield f"<details><summary>environment and numbers</summary><pre>{escape(_dumped(told))}</pre></details>"
    yield "</div>"
    if row.sheet:
        yield _sheet(row.sheet, row.id)
    yield "</section>"


def _moved(finding: Finding) -> bool:
    return finding.check.startswith("drift/")


def _table(findings: list[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield "<table>"
    for each in findings:
        text = escape(plain(each.text))
        hint = f'<br><span class="dim">→ {escape(plain(each.hint))}</span>' if each.hint else ""
        details = ""
        if each.details and each.status != "passed":
            details = f"<details><summary>evidence</summary><pre>{escape(_dumped(each.details))}</pre></details>"
        cells = [each.status, escape(plain(each.check)), f"{text}{hint}{details}", f"{each.seconds:.2f} s"]
        yield f'<tr class="{each.status}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</table>"


def _dumped(value: object) -> str:
    return json.dumps(finite(value if isinstance(value, list) else dict(value)), indent=1, ensure_ascii=False)[:20_000]  # type: ignore[call-overload]


def _sheet(sheet: Sheet, name: str) -> str:
    if sheet.texts:
        return "<div>" + "".join(f"<blockquote>{escape(shown(text))}</blockquote>" for text in sheet.texts) + "</div>"
    data = base64.b64encode(sheet.png).decode()
    return f'<div><img alt="samples of {escape(name, True)}" src="data:image/png;base64,{data}"></div>'
