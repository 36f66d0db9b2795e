"""The command ``aigc-zoo``: a lazy group, one file per verb, and the one place where errors become exit codes."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Any

import click

from aigc_core import __version__
from aigc_core.errors import INTERRUPTED, NotAvailable, ZooError, did_you_mean

VERBS = {
    "list": "Models that are known, and whether they can be run.",
    "show": "Everything a model's manifest says.",
    "run": "Make samples with a model: images into a file, texts onto the terminal.",
    "reconstruct": "Encode images and decode them again: how near they come.",
    "interpolate": "Make the images on the way from one image, or one sample, to another.",
    "translate": "Turn images into what a model makes of them.",
    "encode": "Write images' latents to a file.",
    "decode": "Make images of a file of latents.",
    "score": "Say how likely a model finds a text, or images.",
    "eval": "Judge models by their samples: distance from real data, variety, copies.",
    "serve": "Serve language models over HTTP, as OpenAI's API does.",
    "train": "Train a model from a recipe, or go on with a run.",
    "pull": "Fetch models' files from the Hugging Face Hub, verified.",
    "pin": "Ask the Hub what a model's files are, and write it down.",
    "lock": "Write down every file of the models that a project uses.",
    "search": "Find models on the Hub that an installed plugin can load.",
    "push": "Publish a model on the Hub.",
    "cache": "What the Hub cache holds: list, verify, remove.",
    "curves": "Draw the losses of trainings, side by side.",
    "plugins": "Installed plugins and their state.",
    "enable": "Use a plugin again.",
    "disable": "Stop using a plugin, lastingly.",
    "doctor": "Check the installation and say what is wrong.",
    "new": "Make something new: a plugin, as a whole package.",
    "check": "Check a plugin's or a model's files, without running any of them.",
    "golden": "Store what models make, and hold them to it.",
    "ci": "Judge contributed models that nobody trusts, each in a sandbox.",
    "completion": "Print the shell's completion script.",
}
"""Verbs with the line that ``--help`` shows, so that it imports none of them."""


class Zoo(click.Group):
    """Imports a verb when it is called, and finds plugins' own commands in their JSON."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from aigc_core.cli.plugin_commands import names

        return [*VERBS, *names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in VERBS:
            command: click.Command = import_module(f"aigc_core.cli.{cmd_name}").command
            return command
        from aigc_core.cli.plugin_commands import group

        return group(cmd_name, quiet=ctx.resilient_parsing)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        completing = ctx.resilient_parsing
        if not completing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"No command {args[0]}.{near}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from aigc_core.cli.plugin_commands import summaries

        with formatter.section("Commands"):
            formatter.write_dl([*VERBS.items()])  # `list` is the verb's module once that is imported
        if rows := summaries():
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)


@click.group(cls=Zoo, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aigc-zoo")
@click.option("--debug", is_flag=True, help="Show the traceback of an error; may stand anywhere.")
def zoo(debug: bool) -> None:
    """A zoo of generative models: list them, run them, check them."""


@zoo.result_callback()
def _no_result(result: Any, debug: bool) -> None:
    """Keep what a plugin's command returns from being taken for an exit code."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code that the outcome has."""
    given = sys.argv[1:] if arguments is None else arguments
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a summary may be in a script that the locale lacks
    sys.exit(outcome([word for word in given if word != "--debug"], debug="--debug" in given))


def outcome(arguments: list[str], debug: bool = False) -> int:
    """Run the command line; return the exit code, and say on the standard error stream why it is not 0."""
    code = 0
    try:
        code = zoo.main(arguments, prog_name="aigc-zoo", standalone_mode=False) or 0  # click returns what Exit carries
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        code = _fail(*_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's own flush fails too
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later: the message is the help
            click.echo(error.format_message(), err=True)
            return 2
        command = error.ctx.command_path if error.ctx else "aigc-zoo"
        code = _fail(error.format_message(), f"See: {command} --help", 2)
    except click.ClickException as error:
        code = _fail(error.format_message(), "", error.exit_code)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except Exception as error:
        if debug:
            raise
        code = _explain(error)
    return code


_INTERRUPTED = ("interrupted; nothing half-written was left", "", INTERRUPTED)


def _explain(error: Exception) -> int:
    from aigc_core import interrupt

    if interrupt.pending():  # whatever became of the exception that the signal raised
        return _fail(*_INTERRUPTED)
    if isinstance(error, ZooError):
        return _fail(str(error), error.hint, error.exit_code)
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return _fail(f"the system says: {(error.strerror or str(error)).lower()}{where}", "", NotAvailable.exit_code)
    if isinstance(error, MemoryError):
        return _fail("there is not enough memory for this", "Ask for fewer samples at once.", NotAvailable.exit_code)
    text = f"a fault in aigc-zoo itself: {type(error).__name__}: {error}"
    return _fail(text, "Run it again with `aigc-zoo --debug ...` and report what it prints.", 1)


def _fail(message: str, hint: str, code: int) -> int:
    from aigc_core.cli.output import printable

    stop = "" if not hint or message.endswith((".", "?", "!")) else "."
    print(printable(f"aigc-zoo: {message}{stop}" + (f" {hint}" if hint else "")), file=sys.stderr)
    return code
