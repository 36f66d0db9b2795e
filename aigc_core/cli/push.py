"""``aigc-zoo push``: publish a model on the Hugging Face Hub."""

from __future__ import annotations

import os
import sys
import tempfile

import click

from aigc_core.cli.completing import model_names
from aigc_core.cli.output import printable
from aigc_core.cli.progress import say
from aigc_core.errors import WrongUse
from aigc_core.hub.names import hub_name, is_hub_name


@click.command("push")
@click.argument("model", shell_complete=model_names)
@click.argument("target", metavar="ORG/NAME")
@click.option("--private", is_flag=True, help="Make a new repository that only you, or your organisation, can see.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be pushed; ask nobody and touch nothing.")
def command(model: str, target: str, private: bool, yes: bool, dry_run: bool) -> None:
    """Publish MODEL, a name or ./FOLDER, as the repository ORG/NAME of the Hugging Face Hub.

    Pushed are its weights, its manifest, its recipe and a model card; nothing else that lies beside them.
    """
    from aigc_core import interrupt
    from aigc_core.hub.client import endpoint
    from aigc_core.hub.publish.layout import contents, export
    from aigc_core.hub.publish.push import check_target, check_terms, push, someone_elses, stored_token
    from aigc_core.run.load import fetch, resolve

    interrupt.install()
    check_target(target)
    if is_hub_name(model):
        raise someone_elses(model, hub_name(model).repo_id)
    entry = resolve(model, say=say)
    assert entry.manifest is not None
    check_terms(entry.manifest)
    files = fetch(entry)
    parts = contents(entry, files, target)
    sizes = {name: len(part) if isinstance(part, bytes) else os.path.getsize(part) for name, part in parts.items()}
    for name, size in sizes.items():
        click.echo(f"  {printable(name)}  {size:,} bytes")
    licence, seen = entry.manifest.document["terms"]["weights"], "private" if private else "public"
    what = f"{len(sizes)} files, {sum(sizes.values()) / 1e6:,.1f} MB, of {entry.id} ({licence})"
    click.echo(printable(f"{what} -> {endpoint()}/{target} ({seen})"))
    if dry_run:
        click.echo("A dry run: nothing was pushed.")
        return
    stored_token()
    if not yes and not _agreed():
        click.echo("Nothing was pushed.")
        return
    with tempfile.TemporaryDirectory(prefix="aigc-zoo-push-") as folder:
        export(entry, files, folder, target)
        done = push(folder, target, private=private)
    if not done.changed:
        click.echo(f"{done.url} has these very files already, at {done.revision}; nothing was pushed.")
        return
    note = " It was private before and stays so." if done.private and not private else ""
    click.echo(f"Pushed to {done.url} at {done.revision}.{note} Run it: aigc-zoo run hf:{target}")


def _agreed() -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise WrongUse("Nobody is there to be asked whether to push.", "Give --yes.")
    return click.confirm("Push?")
