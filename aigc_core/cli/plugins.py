"""``aigc-zoo plugins``: installed plugins and their state."""

from __future__ import annotations

import click

from aigc_core import discovery
from aigc_core.cli.output import echo_json, echo_table
from aigc_core.discovery import Plugin


@click.command("plugins")
@click.option("--strict", is_flag=True, help="Exit with 1 where a plugin cannot be used.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/plugins/1).")
def command(strict: bool, as_json: bool) -> None:
    """List the installed plugins and their state, importing none of them."""
    found = discovery.plugins()
    if as_json:
        echo_json("plugins", {"plugins": [row(plugin) for plugin in found]})
    elif found:
        rows = [[plugin.name, plugin.distribution, plugin.version, plugin.state, _last(plugin)] for plugin in found]
        echo_table(["plugin", "distribution", "version", "state", "summary"], rows, state=3)
    else:
        click.echo("No plugin is installed.", err=True)
    if strict and any(plugin.state not in ("registered", "disabled") for plugin in found):
        raise click.exceptions.Exit(1)


def row(plugin: Plugin) -> dict[str, object]:
    """Return what the JSON says of one plugin."""
    manifest = plugin.manifest
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.reason,
        "repair": plugin.repair,
        "summary": manifest.summary if manifest else None,
        "api": manifest.api if manifest else None,
        "components": {kind: sorted(names) for kind, names in manifest.components.items()} if manifest else {},
        "hooks": list(manifest.hooks) if manifest else [],
        "folder": plugin.package,
    }


def _last(plugin: Plugin) -> str:
    if plugin.state == "registered" and plugin.manifest:
        return plugin.manifest.summary
    return plugin.reason + (f" -> {plugin.repair}" if plugin.repair else "")
