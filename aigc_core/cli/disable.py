"""``aigc-zoo disable``: stop using a plugin, lastingly."""

from __future__ import annotations

import click

from aigc_core import discovery
from aigc_core.cli.completing import plugin_names
from aigc_core.settings import disabled, set_disabled


@click.command("disable")
@click.argument("plugin", shell_complete=plugin_names)
def command(plugin: str) -> None:
    """Stop using PLUGIN until it is enabled again: its name, its distribution, or distribution:name.

    Works on a broken plugin too, for it is not imported.
    """
    found, off = discovery.find(plugin), disabled()
    if found.key in off:
        click.echo(f"{found.key} is disabled already.")
        return
    set_disabled(off | {found.key})
    click.echo(f"{found.key} is disabled. To use it again: aigc-zoo enable {found.key}")
