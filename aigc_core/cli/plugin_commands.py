"""Plugins' own commands, ``aigc-zoo PLUGIN COMMAND``: named in ``plugin.json``, imported when called."""

from __future__ import annotations

import click

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import ZooError


def _with_commands() -> list[Plugin]:
    try:
        found = discovery.usable(discovery.plugins())
    except ZooError:
        return []  # damaged settings must not take --help away; every verb that needs them says so
    from aigc_core.cli import VERBS

    # A plugin cannot take a verb of the core's: its commands are out of reach then, its models are not.
    return [plugin for plugin in found if plugin.manifest and plugin.manifest.commands and plugin.name not in VERBS]


def names() -> list[str]:
    """Return the names of plugins that have commands."""
    return [plugin.name for plugin in _with_commands()]


def summaries() -> list[tuple[str, str]]:
    """Return each such plugin's name and what its commands are for."""
    rows = []
    for plugin in _with_commands():
        commands = plugin.manifest.commands if plugin.manifest else {}
        rows.append((plugin.name, "; ".join(f"{name}: {entry.get('summary', '')}" for name, entry in commands.items())))
    return rows


class PluginGroup(click.Group):
    """The commands of one plugin."""

    def __init__(self, plugin: Plugin) -> None:
        super().__init__(plugin.name, help=plugin.manifest.summary if plugin.manifest else "")
        self.plugin = plugin

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.plugin.manifest.commands) if self.plugin.manifest else []

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx) or self.plugin.manifest is None:
            return None
        from aigc_core.plugins import load_target

        command: click.Command = load_target(self.plugin, self.plugin.manifest.commands[cmd_name]["target"])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = self.plugin.manifest.commands if self.plugin.manifest else {}
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.get("summary", "")) for name, entry in commands.items()])


def group(name: str) -> click.Command | None:
    """Return the group of a plugin's commands, or None where no plugin of that name has any."""
    return next((PluginGroup(plugin) for plugin in _with_commands() if plugin.name == name), None)
