"""``aigc-zoo list``: models that are known, and whether they can be run."""

from __future__ import annotations

import click

from aigc_core import registry
from aigc_core.cli.output import echo_json, echo_table
from aigc_core.registry import Entry, Wanted

_BROKEN = ("broken", "conflict", "failed", "incompatible")


@click.command("list")
@click.option("--family", type=click.Choice(["gan", "vae", "autoregressive", "extractor"]), help="Only this family.")
@click.option("--task", metavar="TAG", help="Only this task, such as unconditional-image-generation.")
@click.option("--plugin", metavar="NAME", help="Only models that this plugin runs.")
@click.option("--search", metavar="TEXT", help="Only models whose name or summary has this text.")
@click.option("--strict", is_flag=True, help="Exit with 1 where a model is broken.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/list/1).")
def command(family: str, task: str, plugin: str, search: str, strict: bool, as_json: bool) -> None:
    """List the models that are known, and whether each can be run."""
    wanted = Wanted(search, family, task, plugin) if any((search, family, task, plugin)) else None
    entries = registry.entries(wanted)
    if as_json:
        echo_json("list", {"models": [_row(entry) for entry in entries]})
    elif entries:
        rows = [[entry.id, *_facts(entry), entry.state, _last(entry)] for entry in entries]
        echo_table(["model", "family", "plugin", "state", "summary"], rows, state=3)
    else:
        click.echo("No model matches. See: aigc-zoo plugins", err=True)
    if strict and any(entry.state in _BROKEN for entry in entries):
        raise click.exceptions.Exit(1)


def _facts(entry: Entry) -> list[str]:
    return [entry.manifest.family, entry.manifest.plugin] if entry.manifest else ["-", entry.origin.split()[-1]]


def _last(entry: Entry) -> str:
    usual = entry.state in ("ready", "not fetched", "not pinned", "no plugin") and entry.manifest
    text = usual.summary if usual else entry.reason
    return text + (f" -> {entry.repair}" if entry.repair else "")


def _row(entry: Entry) -> dict[str, object]:
    manifest = entry.manifest
    return {
        "id": entry.id,
        "origin": entry.origin,
        "state": entry.state,
        "reason": entry.reason,
        "repair": entry.repair,
        "family": manifest.family if manifest else None,
        "task": manifest.task if manifest else None,
        "plugin": manifest.plugin if manifest else None,
        "distribution": f"{entry.plugin.distribution} {entry.plugin.version}" if entry.plugin else None,
        "summary": manifest.summary if manifest else None,
    }
