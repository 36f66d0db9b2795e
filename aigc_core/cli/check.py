"""``aigc-zoo check``: the static half of the contract, in under a second; ``--fix`` mends what is mechanical."""

from __future__ import annotations

import os

import click

from aigc_core.cli.completing import model_names
from aigc_core.cli.output import echo_json, printable, styled
from aigc_core.errors import WrongUse, counted
from aigc_core.findings import Finding


@click.command("check")
@click.argument("subject", metavar="PATH|MODEL", default=".", shell_complete=model_names)
@click.option("--fix", is_flag=True, help="Mend what is mechanical: hashes, sizes, near names, repetitions, order.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/check/1).")
def command(subject: str, fix: bool, as_json: bool) -> None:
    """Check a plugin's project, a manifest's file or a known model, without running any code of it.

    Everything that is wrong is said at once, with file and line; exits with 1 where there is anything.
    """
    from aigc_core.check import check_static

    path = _path(subject)
    fixed: list[str] = []
    if fix:
        from aigc_core.check.fix import mend

        fixed = mend(path)
    findings = check_static(path)
    failed = [each for each in findings if each.status == "failed"]
    if as_json:
        echo_json("check", {"findings": [each._asdict() for each in findings], "fixed": fixed})
    else:
        for line in fixed:
            click.echo(f"{styled('fixed', fg='green')}  {printable(line)}")
        for each in failed:
            _tell(each)
        files = len({each.details["path"] for each in findings})
        click.echo(
            f"{counted(files, 'file')} checked: {counted(len(failed), 'problem') if failed else 'nothing wrong'}."
        )
    if failed:
        raise click.exceptions.Exit(1)


def _tell(finding: Finding) -> None:
    where = f"{finding.details['path']}:{finding.details['line']}"
    code = finding.check.partition("/")[2]
    pointer = f" {finding.details['pointer']}" if finding.details["pointer"] else ""
    click.echo(f"{styled('PROBLEM', fg='red')}  {printable(f'{where}{pointer} {finding.text} ({code})')}")
    if finding.hint:
        click.echo(f"         -> {printable(finding.hint)}")


def _path(subject: str) -> str:
    """Return the file or folder that is meant: a path that is there comes before a model's name."""
    if os.path.exists(subject):
        return subject
    from aigc_core import registry

    try:
        return registry.find(subject).path
    except WrongUse as error:
        text = str(error).replace("No model ", "There is no path and no model ").replace(" is known", "")
        raise WrongUse(text, "Such as: aigc-zoo check . or aigc-zoo check dcgan-fashion") from None
