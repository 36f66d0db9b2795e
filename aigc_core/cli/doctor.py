"""``aigc-zoo doctor``: check the installation and say what is wrong, with the command that mends it."""

from __future__ import annotations

import click

from aigc_core import doctor
from aigc_core.cli.output import echo_json, printable, styled
from aigc_core.errors import ZooError

_MARKS = {"ok": ("ok", "green"), "warning": ("note", "yellow"), "problem": ("PROBLEM", "red")}


@click.command("doctor")
@click.option("--activate", is_flag=True, help="Import every plugin too, each in a process of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/doctor/1).")
def command(activate: bool, as_json: bool) -> None:
    """Check dependencies, folders, plugins, models, weights and manifests; exit with 1 where something is wrong."""
    checks, problems = list(doctor.checks()), []
    try:
        checks += doctor.activation_checks() if activate else []
        problems = doctor.manifest_problems()
    except ZooError:
        pass  # damaged settings: a check has said so already
    if as_json:
        echo_json("doctor", {"checks": [check._asdict() for check in checks], "problems": problems})
    else:
        for check in checks:
            word, colour = _MARKS[check.state]
            click.echo(f"{styled(word.ljust(7), fg=colour)}  {printable(f'{check.name}: {check.message}')}")
            if check.repair and check.state != "ok":
                click.echo(f"         -> {printable(check.repair)}")
        for problem in problems:
            where = f"{problem['path']}:{problem['line']}"
            click.echo(
                f"{styled('PROBLEM', fg='red')}  {where} {problem['pointer']} {problem['message']} ({problem['code']})"
            )
            click.echo(f"         -> {problem['hint']}")
    if problems or any(check.state == "problem" for check in checks):
        raise click.exceptions.Exit(1)
