"""``aigc-zoo lock``: every file of every model that a project uses, in one file beside its code."""

from __future__ import annotations

import click

from aigc_core import interrupt, registry
from aigc_core.cli.completing import model_names
from aigc_core.cli.output import printable
from aigc_core.cli.progress import say
from aigc_core.errors import Refused, WrongUse, counted
from aigc_core.hub import lock
from aigc_core.hub.lock import Pin
from aigc_core.hub.names import is_hub_name


@click.command("lock")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=model_names)
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
def command(models: tuple[str, ...], dry_run: bool) -> None:
    """Write each MODEL's repository, commit, sizes and hashes into aigc-zoo.lock in this folder.

    Without MODEL, every one that is there already is brought up to its manifest. `aigc-zoo run --locked` uses nothing
    else and asks nothing of the network.
    """
    interrupt.install()
    path = lock.project_path()
    pins = lock.read(path)
    names = list(dict.fromkeys(models)) or list(pins)
    if not names:
        raise WrongUse(f"There is no model in {path} yet.", "Try: aigc-zoo lock MODEL...")
    new = dict(_pin(name) for name in names)
    for name, pin in new.items():
        for line in lock.differences(pins.get(name), pin) or ["as it was"]:
            click.echo(printable(f"{name}: {line}"))
    if dry_run:
        click.echo("Nothing was written (--dry-run).")
        return
    lock.write(path, pins | new)
    click.echo(f"{counted(len(pins | new), 'model')} in {lock.NAME}. Use nothing else: aigc-zoo run MODEL --locked")


def _pin(name: str) -> tuple[str, Pin]:
    """Return what a model is pinned to, under the name that it is looked up by."""
    if is_hub_name(name):
        from aigc_core.hub.repository import settle

        settle(name, say)
        pin = lock.find(name, project=False) or lock.find(name)
        assert pin is not None
        return name, pin
    manifest = (entry := registry.find(name, locked=False)).manifest
    if manifest is None:
        raise entry.error()
    if not manifest.pinned:
        raise Refused(f"{name} is not pinned, so there is nothing to lock.", f"Try: aigc-zoo pin {name}")
    return entry.lock_name, Pin(manifest.repo_id, manifest.revision, manifest.licence, manifest.files)
