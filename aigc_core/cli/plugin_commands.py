"""Plugins' own commands, ``aigc-zoo PLUGIN COMMAND``: named in ``plugin.json``, imported when called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable, ZooError, did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _with_commands(quiet: bool = True) -> list[Plugin]:
    try:
        found = discovery.usable(discovery.plugins())
    except ZooError:
        if quiet:
            return []  # damaged settings must take neither --help nor the completion away
        raise
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

        command = load_target(self.plugin, self.plugin.manifest.commands[cmd_name]["target"])
        if not isinstance(command, click.Command):
            raise NotAvailable(f"{self._whose(cmd_name)} is a {type(command).__name__}, no click command.")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands as ``plugin.json`` names them: a press of the tab key must import none of them."""
        from click.shell_completion import CompletionItem

        commands = self.plugin.manifest.commands if self.plugin.manifest else {}
        return [
            CompletionItem(name, help=entry.get("summary"))
            for name, entry in commands.items()
            if name.startswith(incomplete)
        ]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = did_you_mean(args[0], known)
            raise click.UsageError(f"Plugin {self.plugin.name} has no command {args[0]}.{near}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ZooError, click.ClickException, click.Abort, click.exceptions.Exit, OSError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            name = ctx.invoked_subcommand or ""
            raise NotAvailable(
                f"{self._whose(name)} failed: {type(error).__name__}: {error}.", "See --debug."
            ) from error

    def _whose(self, command: str) -> str:
        return f"Command {command} of {self.plugin.distribution} {self.plugin.version}"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = self.plugin.manifest.commands if self.plugin.manifest else {}
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.get("summary", "")) for name, entry in commands.items()])


def group(name: str, quiet: bool) -> click.Command | None:
    """Return the group of a plugin's commands, or None where no plugin of that name has any.

    Raises ``WrongUse`` where the settings file is damaged, unless ``quiet``.
    """
    return next((PluginGroup(plugin) for plugin in _with_commands(quiet) if plugin.name == name), None)
