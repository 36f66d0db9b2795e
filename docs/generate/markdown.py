"""The little Markdown that the generators share."""

import json
from collections.abc import Sequence
from typing import Any


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; a bar or a line break inside a cell is made harmless."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(map(_cell, line)) + " |\n" for line in lines)


def code(value: Any) -> str:
    """Return a value as inline code, JSON where it is no text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def text(words: str) -> str:
    """Return plain words, with the characters that Markdown would take for markup escaped."""
    for mark in "\\*_<>[]":
        words = words.replace(mark, f"\\{mark}")
    return words


def _cell(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")
