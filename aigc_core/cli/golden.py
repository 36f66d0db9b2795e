"""``aigc-zoo golden``: store what models make, with measured tolerances, and hold them to it."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import model_names
from aigc_core.cli.model_flags import ModelCommand, given_options
from aigc_core.cli.output import echo_json, printable, styled
from aigc_core.errors import ZooError
from aigc_core.findings import Finding


@click.group("golden")
def command() -> None:
    """Store what models make of stored noise or a prompt, and hold them to it."""


@command.command("record", cls=ModelCommand)
@click.argument("model", shell_complete=model_names)
@click.option("-n", "--count", type=click.IntRange(1, 64), default=4, show_default=True, help="How many images.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Whose noise is stored.")
def record(model: str, count: int, seed: int, **flags: Any) -> None:
    """Record a golden case of MODEL, with its own options as flags, and write it into its manifest.

    The output is computed in fresh processes on 1 and 2 threads, one sample at a time and all at once, and in float64;
    the tolerances are what these differ by, with a margin. A case with the same options is replaced.
    """
    interrupt.install()
    from aigc_core import registry
    from aigc_core.golden import record as recording

    case = recording.record(model, registry.find(model), given_options(flags), count=count, seed=seed)
    click.echo(printable(recording.shown(case)))


@command.command("check")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, shell_complete=model_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/golden/1).")
def check(models: tuple[str, ...], as_json: bool) -> None:
    """Make every golden case of the models again; exits with 1 where one differs from what is stored."""
    interrupt.install()
    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints is none of the answer
        findings = [finding for model in models for finding in _findings(model)]
    if as_json:
        echo_json("golden", {"findings": [each._asdict() for each in findings]})
    else:
        for each in findings:
            _tell(each)
    if any(each.status == "failed" for each in findings):
        raise click.exceptions.Exit(1)


def _findings(name: str) -> list[Finding]:
    from aigc_core.golden import check_golden
    from aigc_core.run.load import load

    try:
        return check_golden(load(name))
    except ZooError as error:
        return [Finding("golden", name, "failed", str(error), error.hint)]


def _tell(finding: Finding) -> None:
    colour = {"passed": "green", "failed": "red"}.get(finding.status, "yellow")
    text = finding.text or f"largest difference {finding.details.get('largest') or 0:g}"
    click.echo(f"{styled(finding.status.ljust(7), fg=colour)}  {finding.subject} {finding.check}: {printable(text)}")
    worst = finding.details.get("worst", [])
    for element in worst if isinstance(worst, list) else []:
        click.echo(f"         at {element['at']}: {element['now']}, stored {element['stored']}")
    if finding.hint:
        click.echo(f"         -> {printable(finding.hint)}")
