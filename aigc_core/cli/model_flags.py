"""Flags that a model declares: read from its manifest while the command line is read, importing no plugin."""

from __future__ import annotations

from typing import Any

import click

from aigc_core import registry
from aigc_core.errors import ZooError
from aigc_core.hub.names import is_hub_name
from aigc_core.registry import Entry

_NO_RUN = {"--help", "-h", "--again"}
"""Words with which no model has to be looked for on the Hub before the command line is understood."""
_TYPES: dict[str, Any] = {"number": click.FLOAT, "integer": click.INT, "string": click.STRING}


class ModelCommand(click.Command):
    """Adds the flags of the model that is named, read from its manifest."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["aigc.entry"] = self._entry(ctx, args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        entry = ctx.meta.get("aigc.entry")
        return super().get_params(ctx) + (_flags(entry) if entry else [])

    def _entry(self, ctx: click.Context, args: list[str]) -> Entry | None:
        """Find the model among the words of the command line: the first known name that is no option's value."""
        takes_value = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        words = [
            word
            for before, word in zip(["", *args], args, strict=False)
            if not word.startswith("-") and before not in takes_value
        ]
        flags = {name for param in self.params for name in param.opts} - takes_value
        known = zip(["", *args], args, strict=False)
        sure = {
            word for before, word in known if not before.startswith("-") or before in flags
        }  # no value of --unknown
        for word in words:
            if is_hub_name(word) and word in sure and not ctx.resilient_parsing and not _NO_RUN & set(args):
                from aigc_core.cli.progress import hush, say
                from aigc_core.hub.repository import settle

                quiet = bool({"-q", "--quiet"} & set(args))
                settle(word, hush if quiet else say, offline="--locked" in args)  # its flags stand in its manifest
            try:
                return registry.find(word)
            except ZooError:
                continue
        return None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        entry = ctx.meta.get("aigc.entry")
        own = _flags(entry) if entry else []
        options = [param for param in super().get_params(ctx) if isinstance(param, click.Option)]
        rows = [row for param in options if (row := param.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl(rows)
        with formatter.section(f"Options of {entry.id}" if entry else "Options of a model"):
            if own:
                formatter.write_dl([row for param in own if (row := param.get_help_record(ctx))])
            else:
                formatter.write_text("It has none." if entry else f"See: {ctx.command_path} MODEL --help")


def _flags(entry: Entry) -> list[click.Parameter]:
    properties = entry.manifest.options.get("properties", {}) if entry.manifest else {}
    return [_flag(name, schema) for name, schema in properties.items()]


def given_options(flags: dict[str, Any]) -> dict[str, Any]:
    """Return a model's options out of its flags: those that were given; click has an empty tuple of one repeated."""
    return {flag: value for flag, value in flags.items() if value is not None and value != ()}


def _flag(name: str, schema: dict[str, Any]) -> click.Option:
    words = name.replace("_", "-")
    text = schema.get("description", "") + _limits(schema)
    if schema["type"] == "boolean":
        return click.Option([f"--{words}/--no-{words}", name], default=None, help=text)
    if schema["type"] == "array":
        return click.Option([f"--{words}", name], type=click.STRING, multiple=True, help=f"{text}  [may be repeated]")
    return click.Option([f"--{words}", name], type=_TYPES[schema["type"]], help=text)


def _limits(schema: dict[str, Any]) -> str:
    """Say a flag's default and bounds as click does for its own."""
    signs = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    facts = [f"default: {schema['default']}"] if "default" in schema else []
    facts += [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    facts += [", ".join(map(str, schema["enum"]))] if "enum" in schema else []
    return f"  [{'; '.join(facts)}]" if facts else ""
