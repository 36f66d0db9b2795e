"""``aigc-zoo completion``: the shell's completion script."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL; `eval "$(aigc-zoo completion bash)"` turns it on."""
    from click.shell_completion import get_completion_class

    from aigc_core.cli import zoo

    kind = get_completion_class(shell)
    assert kind is not None  # the three above are click's own
    click.echo(kind(zoo, {}, "aigc-zoo", "_AIGC_ZOO_COMPLETE").source())
