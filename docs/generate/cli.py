"""The command line's reference, from the click commands themselves."""

from collections.abc import Iterator

import click

from aigc_core.cli import VERBS, zoo
from aigc_core.cli.plugin_commands import names
from generate.markdown import code, table, text

ABOUT = """# Command line

Every verb, as the program itself knows it. The last section has the commands of the plugins that were installed when
this page was made.

`-h` and `--help` explain every command. `--debug`, which may stand anywhere, shows the traceback of an error.
"""


def page() -> str:
    """Return the page, one section for each verb."""
    return "\n".join([ABOUT, *(section(name, command, context) for name, command, context in commands())])


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield every command with its full name and a context that it can be described in."""
    top = click.Context(zoo, info_name="aigc-zoo")
    for verb in VERBS:
        command = zoo.get_command(top, verb)
        assert command is not None, verb
        yield f"aigc-zoo {verb}", command, click.Context(command, info_name=verb, parent=top)
        if isinstance(command, click.Group):
            yield from members(verb, command, top)
    for name in names():
        group = zoo.get_command(top, name)
        assert isinstance(group, click.Group), name
        yield from members(name, group, top)


def members(name: str, group: click.Group, top: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield the commands of a group, as ``commands`` does."""
    middle = click.Context(group, info_name=name, parent=top)
    for verb in group.list_commands(middle):
        command = group.get_command(middle, verb)
        assert command is not None, verb
        yield f"aigc-zoo {name} {verb}", command, click.Context(command, info_name=verb, parent=middle)


def section(name: str, command: click.Command, context: click.Context) -> str:
    """Return a command's heading, usage, description and options."""
    parts = [f"## {name}", f"```text\n{command.get_usage(context)}\n```", text(command.help or "")]
    if rows := [options(param, context) for param in command.params if isinstance(param, click.Option)]:
        parts.append(table(["option", "what it does"], rows))
    return "\n\n".join(parts) + "\n"


def options(param: click.Option, context: click.Context) -> list[str]:
    """Return one option's row, in the words of ``--help``."""
    record = param.get_help_record(context)
    assert record is not None, param
    return [code(record[0]), text(record[1])]
