"""``aigc-zoo pin``: what a manifest says of files on the Hub, asked of the Hub."""

from __future__ import annotations

import click

from aigc_core import interrupt, registry
from aigc_core.cli.completing import model_names
from aigc_core.cli.output import printable
from aigc_core.errors import WrongUse
from aigc_core.hub.names import hub_name, is_hub_name


@click.command("pin")
@click.argument("model", shell_complete=model_names)
@click.option("--revision", metavar="REV", help="A commit, branch or tag. [default: the manifest's commit, or main]")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
def command(model: str, revision: str | None, dry_run: bool) -> None:
    """Ask the Hub for the commit, sizes, hashes and licence of MODEL, show what differs, and write that down.

    For a model that a manifest describes, an overlay goes into your own folder, or in a checkout of the zoo the
    registry's file itself is changed. For hf:ORG/NAME, your lock file is.
    """
    interrupt.install()
    if is_hub_name(model):
        _pin_repository(model, revision, dry_run)
        return
    from aigc_core.hub import pin

    pinned = pin.pin(registry.find(model, locked=False), revision or "")
    for line in pinned.changes or ["Every fact agrees with the Hub."]:
        click.echo(printable(line))
    if dry_run:
        click.echo("Nothing was written (--dry-run).")
        return
    pin.save(pinned)
    click.echo(f"{model} is pinned to {pinned.document['weights']['revision']}: {pinned.path}")


def _pin_repository(name: str, revision: str | None, dry_run: bool) -> None:
    from aigc_core.hub import lock
    from aigc_core.hub.repository import first_pin

    asked, old = hub_name(name), lock.read(lock.user_path()).get(name)
    if asked.revision and revision:
        raise WrongUse(f"{name} names a revision, and --revision another.", "Leave one of them out.")
    new = first_pin(name, asked.repo_id, revision or asked.revision or "main")
    for line in lock.differences(old, new) or ["Every fact agrees with the Hub."]:
        click.echo(printable(line))
    if dry_run:
        click.echo("Nothing was written (--dry-run).")
        return
    lock.add(lock.user_path(), name, new)
    click.echo(f"{name} is pinned to {new.revision}: {lock.user_path()}")
    _tell_of_project(name, new.revision)


def _tell_of_project(name: str, revision: str) -> None:
    from aigc_core.hub import lock

    locked = lock.read(lock.project_path()).get(name)
    if locked and locked.revision != revision:
        click.echo(f"{lock.NAME} in this folder still has {locked.revision}, and comes first: aigc-zoo lock {name}")
