"""``aigc-zoo pull``: models' files into the Hub cache, verified."""

from __future__ import annotations

import click

from aigc_core import interrupt, registry
from aigc_core.cli.completing import model_names
from aigc_core.cli.progress import fetching, hush, say
from aigc_core.errors import Refused, WrongUse, ZooError, counted
from aigc_core.hub import cache
from aigc_core.hub.names import is_hub_name
from aigc_core.registry import Entry


@click.command("pull")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=model_names)
@click.option("--all", "every", is_flag=True, help="Every model that can be run here.")
@click.option(
    "--family", type=click.Choice(["gan", "vae", "autoregressive", "extractor"]), help="Every such model of a family."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(models: tuple[str, ...], every: bool, family: str | None, quiet: bool) -> None:
    """Fetch the files of each MODEL into the Hub cache, and verify every one; what is there already is not fetched.

    A MODEL is a name that `aigc-zoo list` shows, or hf:ORG/NAME[@REVISION]. An interrupted pull goes on where it was.
    """
    interrupt.install()
    names = _names(models, every, family)
    failed: list[ZooError] = []
    for name in names:
        try:
            _pull(name, quiet)
        except ZooError as error:
            failed.append(error)
            if len(names) > 1:
                say(f"{name}: {error} {error.hint}".rstrip())
    if failed and len(names) > 1:
        raise type(failed[0])(f"{len(failed)} of {len(names)} models could not be pulled.", failed[0].hint)
    if failed:
        raise failed[0]


def _names(models: tuple[str, ...], every: bool, family: str | None) -> list[str]:
    if not (every or family):
        if not models:
            raise WrongUse("Which model?", "Name one (aigc-zoo list), or give --all or --family.")
        return list(dict.fromkeys(models))
    if models:
        raise WrongUse("--all and --family choose the models: leave the names out.")
    found = [entry.id for entry in registry.entries() if _is_meant(entry, family)]
    if not found:
        raise WrongUse("No model on the Hub that can be run here matches.", "See: aigc-zoo list")
    return found


def _is_meant(entry: Entry, family: str | None) -> bool:
    manifest = entry.manifest
    on_hub = manifest is not None and manifest.source == "hub" and entry.state in registry.RUNNABLE
    return on_hub and (not family or (manifest is not None and manifest.family == family))


def _pull(name: str, quiet: bool) -> None:
    from aigc_core.run.load import fetch

    if is_hub_name(name):
        from aigc_core.hub.repository import settle

        settle(name, hush if quiet else say)
    entry = registry.find(name)
    manifest = entry.manifest
    if manifest is None or entry.state == "broken":
        raise entry.error()
    if not manifest.pinned:
        raise Refused(f"{name} is not pinned, so its files could not be verified.", f"Try: aigc-zoo pin {name}")
    with fetching(name, manifest, quiet=quiet, offline=cache.offline()) as report:
        files = fetch(entry, report=report)
    if quiet:
        return
    size = sum(file.size for file in manifest.files) / 1e6
    where = (
        f"from {manifest.repo_id} at {manifest.revision[:12]}" if manifest.source == "hub" else "beside its manifest"
    )
    click.echo(f"{name}: {counted(len(files), 'file')}, {size:,.1f} MB, {where}, verified.")
    if manifest.source == "hub" and not manifest.licence:
        say(f"{name} declares no licence for its weights; to run it takes --accept-licence.")
    if entry.state == "no plugin":
        say(f"To run it: {entry.repair}")
