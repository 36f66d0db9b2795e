"""``aigc-zoo show``: everything that a model's manifest says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from aigc_core import registry
from aigc_core.cli.completing import model_names
from aigc_core.cli.output import echo_json, printable, styled
from aigc_core.errors import NotAvailable, WrongUse


@click.command("show")
@click.argument("model", shell_complete=model_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/show/1).")
def command(model: str, as_json: bool) -> None:
    """Show what MODEL's manifest says: use, options, terms, origin, limits."""
    entry = registry.find(model)
    if entry.manifest is None:
        if entry.state != "broken":
            raise NotAvailable(f"Nothing is known of {model}: {entry.reason}.", f"Try: {entry.repair}")
        raise WrongUse(f"The manifest of {model} cannot be used: {entry.reason}.", f"Try: {entry.repair}")
    document = entry.manifest.document
    if as_json:
        facts = {"state": entry.state, "reason": entry.reason, "repair": entry.repair, "origin": entry.origin}
        echo_json("show", {**facts, "path": entry.path, "manifest": document})
        return
    click.echo(f"{styled(entry.id, bold=True)}: {printable(document['summary'])}")
    click.echo(printable(f"state: {entry.state}" + (f" ({entry.reason}) -> {entry.repair}" if entry.reason else "")))
    for line in _lines({key: value for key, value in document.items() if key not in ("id", "summary", "schema")}, 0):
        click.echo(printable(line))


def _lines(value: dict[str, Any], depth: int) -> Iterator[str]:
    for key, entry in value.items():
        label = "  " * depth + f"{key}:"
        if isinstance(entry, dict) and entry:
            yield label
            yield from _lines(entry, depth + 1)
        elif isinstance(entry, list) and any(isinstance(item, (dict, str)) for item in entry):
            yield label
            for item in entry:
                text = (
                    ", ".join(f"{name} {_short(part)}" for name, part in item.items())
                    if isinstance(item, dict)
                    else item
                )
                yield "  " * depth + f"  - {text}"
        else:
            yield f"{label} {_short(entry)}"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
