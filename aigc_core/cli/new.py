"""``aigc-zoo new plugin``: a whole package to begin with."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping

import click

from aigc_core.errors import WrongUse
from aigc_core.scaffold.asked import FAMILIES, Asked, check_name, checked


@click.group("new")
def command() -> None:
    """Make something new: a plugin, as a whole package."""


@command.command("plugin")
@click.argument("name")
@click.option("--family", help=f"What its model is: {', '.join(FAMILIES)}.")
@click.option("--license", "licence", metavar="SPDX", help="The licence of code and weights, such as Apache-2.0.")
@click.option("--author", metavar="NAME", help="Who writes it.")
@click.option("-o", "--out", metavar="DIR", help="A new folder for it. [default: aigc-NAME]")
def plugin(name: str, family: str | None, licence: str | None, author: str | None, out: str | None) -> None:
    """Make a package with one model that trains in seconds, and everything around it.

    What is not said is asked for on a terminal; elsewhere nothing is ever waited for.
    """
    check_name(name)  # before anything is asked
    answers = _answered({"family": family, "license": licence, "author": author})
    asked = checked(Asked(name, answers["family"], answers["license"], answers["author"]))
    from aigc_core.scaffold.write import write

    folder = out or asked.distribution
    written = write(asked, folder)
    click.echo(f"{folder}: {len(written)} files, a plugin with one model, {asked.name}, that is trained already. Next:")
    where = shlex.quote(folder)
    click.echo(f"  cd {where} && pip install -e '.[test]'")
    click.echo("  pytest --aigc-zoo")
    if "LICENSE" not in written:
        click.echo(f"The text of {asked.licence} is not put beside it: before you publish, add it as LICENSE.")


def _answered(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return what was said, and ask for the rest. Raises ``WrongUse`` where there is no terminal to ask on."""
    said = {field: value for field, value in given.items() if value is not None}
    lacking = [field for field in given if field not in said]
    if not lacking:
        return said
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        flags = " ".join(f"--{field} ..." for field in lacking)
        raise WrongUse(f"Not said: {', '.join(lacking)}; and there is no terminal to ask on.", f"Add: {flags}")
    from aigc_core.scaffold.ask import ask

    return said | ask(lacking)
