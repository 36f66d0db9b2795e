"""How results look: aligned tables where a person looks, plain tab-separated lines or JSON where a program reads."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

GOOD, BAD, DIM = "green", "red", "bright_black"
_QUIET = ("disabled", "no plugin", "not fetched", "not pinned", "partial", "other", "unfinished")
_COLOURS = dict.fromkeys(("ready", "registered", "complete"), GOOD) | dict.fromkeys(_QUIET, DIM)


def echo_json(kind: str, document: dict[str, Any]) -> None:
    """Print one JSON document; ``kind`` names its schema, which ships in the wheel (``schemas/KIND.schema.json``)."""
    click.echo(json.dumps({"schema": f"aigc-zoo/{kind}/1", **document}, indent=2, ensure_ascii=False))


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it: None for one that is none, such as the logarithm of 0."""
    return float(value) if math.isfinite(value) else None


def echo_table(header: Sequence[str], rows: Sequence[Sequence[str]], state: int) -> None:
    """Print rows under a header. Column ``state`` is coloured on a terminal; there, the last column is cut to fit."""
    rows = [[printable(" ".join(cell.split())) for cell in row] for row in rows]  # a tab would break a row in two
    if not sys.stdout.isatty():
        click.echo("\n".join("\t".join(row) for row in rows))
        return
    import shutil  # it brings every archive format along, which start-up need not pay for

    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    room = max(20, shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * (len(widths) - 1))
    titles = [cell.upper().ljust(width) for cell, width in zip(header, widths, strict=True)]
    click.echo(styled("  ".join(titles).rstrip(), bold=True))
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        cells[-1] = row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…"
        cells[state] = styled(cells[state], fg=_COLOURS.get(row[state], BAD))
        click.echo("  ".join(cells).rstrip())


def styled(text: str, **style: Any) -> str:
    """Colour a text for a terminal; leave it plain where ``NO_COLOR`` is set or nobody looks."""
    return click.style(text, **style) if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def printable(text: str) -> str:
    """Write control characters as their escapes: a manifest or a receipt must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
