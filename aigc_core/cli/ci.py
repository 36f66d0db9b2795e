"""``aigc-zoo ci``: judge contributed models that nobody trusts, each in a sandbox, and say everything at once."""

from __future__ import annotations

import datetime
import gc
import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import model_names
from aigc_core.cli.output import echo_json, printable
from aigc_core.errors import NotAvailable, WrongUse

if TYPE_CHECKING:
    from aigc_core.judge.candidate import Candidate
    from aigc_core.judge.choosing import Chosen
    from aigc_core.judge.result import Result, Row
    from aigc_core.sandbox.choose import Backend

_STEPS = ("manifest", "licence", "weights", "samples", "golden", "conformance", "metrics")
_REASONS = 3
"""So many are listed of why a model was chosen; JSON has all."""


@click.command("ci")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=model_names)
@click.option(
    "--plugin", "projects", multiple=True, metavar="FOLDER", help="Build this plugin in the sandbox, judge it."
)
@click.option("--git-range", default="", metavar="A...B", help="Only models that these commits touch, and why.")
@click.option("--shard", default="", metavar="I/N", help="Only the I-th of N parts.")
@click.option("--list", "only_list", is_flag=True, help="Say which models would be judged, and judge none.")
@click.option(
    "--step", "steps", multiple=True, type=click.Choice(_STEPS), help="Only these, and what they need.  [default: all]"
)
@click.option("--count", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Samples, at least.")
@click.option("--data", "data", multiple=True, metavar="NAME=PATH", help="Where a data set lies that recipes name.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Models at a time.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads of each model.")
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    default=3600,
    show_default=True,
    help="At most, whatever a budget says.",
)
@click.option(
    "--memory", type=click.IntRange(1), default=16_384, show_default=True, metavar="MB", help="At most, of a model."
)
@click.option("--trust", "trusted", multiple=True, metavar="PLUGIN", help="Somebody has read this plugin's code.")
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "bubblewrap", "landlock"]),
    default="auto",
    show_default=True,
    help="What holds the models' code.",
)
@click.option("--unsandboxed", is_flag=True, help="Run the models' code with nothing to hold it.")
@click.option("--quarantine", metavar="FILE", help="Failures that are accepted for a while.")
@click.option("--ledger", metavar="FILE", help="Append what was measured, and say what moved since.")
@click.option("--fresh", is_flag=True, help="Judge anew what was judged before.")
@click.option("--report", metavar="FOLDER", help="Write report.json, junit.xml, report.md and report.html there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/ci/1).")
def command(models: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Judge MODELs, those of a contributed plugin, those that a change touches, or all that are known.

    Each runs in a sandbox of its own: bubblewrap, else Landlock for plugins that are trusted, else not at all. Scores
    are computed outside, from the samples that came. Exits with 1 where a model failed, 4 where one was refused.
    """
    interrupt.install()
    gc.enable()  # start-up is over
    from aigc_core.judge.choosing import choose, installed
    from aigc_core.judge.contributed import contributed

    began = time.perf_counter()
    backend = _backend(given)
    with ExitStack() as stack:
        known = [] if given["projects"] else installed(given["trusted"])
        for project in given["projects"]:
            known += stack.enter_context(contributed(project, backend, given["trusted"]))
        chosen = choose(known, models, given["git_range"], given["shard"])
        if given["only_list"]:
            _list(chosen, as_json)
            return
        result = _judged(chosen, backend, given, began, quiet=as_json)
    _write(result, given["report"], as_json)
    if result.refused:
        raise click.exceptions.Exit(4)
    if not result.passed:
        raise click.exceptions.Exit(1)


def _backend(given: dict[str, Any]) -> Backend:
    from aigc_core.sandbox.choose import choose

    if given["unsandboxed"] and given["sandbox"] != "auto":
        raise WrongUse("--unsandboxed and --sandbox say opposite things.", "Leave one out.")
    return choose("none" if given["unsandboxed"] else given["sandbox"])


def _judged(chosen: Chosen, backend: Backend, given: dict[str, Any], began: float, *, quiet: bool) -> Result:
    from aigc_core.judge import kept, quarantine
    from aigc_core.judge.result import Result
    from aigc_core.judge.settings import Settings
    from aigc_core.judge.steps import whole
    from aigc_core.judge.supervisor import supervise

    today = datetime.date.today()
    accepted = quarantine.read(given["quarantine"], today) if given["quarantine"] else []
    steps = whole(given["steps"])
    settings = Settings(
        backend,
        given["count"],
        threads=given["threads"],
        most_s=given["seconds"],
        most_mb=given["memory"],
        trusted=given["trusted"],
        data=_data(given["data"]),
    )
    store = kept.Nothing() if given["fresh"] else kept.Kept()
    rows = supervise(
        chosen.candidates, settings, steps, workers=given["workers"], kept=store, told=_silent if quiet else _tell
    )
    if given["ledger"]:
        rows = _in_ledger(rows, chosen.candidates, settings, given["ledger"], today)
    rows = tuple(_accepted(row, accepted, today) for row in rows)
    notes = chosen.notes + tuple(quarantine.unused(accepted, [each.id for each in chosen.candidates]))
    seconds = time.perf_counter() - began
    return Result(rows, backend, steps, seconds, chosen.text, chosen.unchosen, given["shard"], notes)


def _data(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [text for text, equals, path in pairs if not (text and equals and path)]:
        raise WrongUse(f"--data {wrong[0]} names no data set and path.", "Such as: --data Fashion-MNIST=data/fashion")
    if missing := [path for _, _, path in pairs if not os.path.exists(path)]:
        raise NotAvailable(f"There is nothing at {missing[0]}, where --data says that data lie.")
    return {name: os.path.abspath(path) for name, _, path in pairs}


def _accepted(row: Row, accepted: list[Any], today: datetime.date) -> Row:
    from aigc_core.judge.quarantine import applied

    findings = tuple(applied(row.report.findings, row.id, accepted, today))
    return row._replace(report=row.report._replace(findings=findings))


def _in_ledger(
    rows: tuple[Row, ...], candidates: tuple[Candidate, ...], settings: Any, path: str, today: datetime.date
) -> tuple[Row, ...]:
    """Append to the ledger what was judged now, and return the rows with what has moved since the line before."""
    from aigc_core.judge import ledger
    from aigc_core.judge.key import facts

    before = ledger.read(path)
    found, new = [], []
    for row, candidate in zip(rows, candidates, strict=True):
        drift = []
        if row.numbers:
            # Not what the model's own process says of its environment: it could explain any drift away.
            entry = ledger.entry(row, facts(candidate, settings), today)
            drift = ledger.drift(before.get(row.id), entry)
            new += [entry] if drift or row.id not in before or not row.kept else []
        found.append(row._replace(report=row.report._replace(findings=(*row.report.findings, *drift))))
    if new:
        ledger.append(path, new)
    return tuple(found)


def _silent(row: Row) -> None:
    """Say nothing while models are judged."""


def _tell(row: Row) -> None:
    """Say on the error stream how a model ended, as soon as it did."""
    from aigc_core.judge.render.terminal import of_row

    click.echo(next(of_row(row)), err=True)


def _write(result: Result, folder: str | None, as_json: bool) -> None:
    from aigc_core.judge.render import as_json as json_of
    from aigc_core.judge.render import terminal

    if folder:
        from aigc_core.judge.render.files import write

        write(result, folder)
    if as_json:
        echo_json("ci", json_of.document(result))
    else:
        click.echo("\n".join(terminal.lines(result)))


def _list(chosen: Chosen, as_json: bool) -> None:
    if as_json:
        rows = [{"model": each.id, "why": list(each.why)} for each in chosen.candidates]
        echo_json(
            "ci-list", {"chosen": chosen.text, "unchosen": chosen.unchosen, "notes": list(chosen.notes), "models": rows}
        )
        return
    for each in chosen.candidates:
        shown = [*each.why[:_REASONS], *([f"{len(each.why) - _REASONS} more"] if len(each.why) > _REASONS else [])]
        click.echo(f"{each.id}\t{printable('; '.join(shown))}")
    for line in (*chosen.notes, chosen.text):
        click.echo(printable(line), err=True)
