"""``aigc-zoo enable``: use a plugin again."""

from __future__ import annotations

import click

from aigc_core import discovery
from aigc_core.cli.completing import plugin_names
from aigc_core.settings import disabled, set_disabled


@click.command("enable")
@click.argument("plugin", shell_complete=plugin_names)
def command(plugin: str) -> None:
    """Use PLUGIN again: its name, its distribution, or distribution:name."""
    found, off = discovery.find(plugin), disabled()
    if found.key not in off:
        click.echo(f"{found.key} is not disabled.")
        return
    set_disabled(off - {found.key})
    click.echo(f"{found.key} is enabled.")
