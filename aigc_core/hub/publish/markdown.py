"""Text that others wrote, inside a Markdown page of ours: it stays text, on its line, and marks nothing up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote


def line(text: str) -> str:
    """Return a text on one line, without what is not printed: line ends, controls, marks that turn its direction."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def escaped(text: str) -> str:
    """Return a text on one line that Markdown shows as it is: no markup, HTML, formula, heading, list or rule."""
    shown = re.sub(r"([\\`*_\[\]<>|~$&])", r"\\\1", line(text))
    return re.sub(r"^([0-9]*)(?=[-+=#]|[.)](?:\s|$))(.)", r"\1\\\2", shown)


def code(text: str) -> str:
    """Return a text on one line as code, fenced by more backticks than it has in a row."""
    shown = line(text)
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else ""


def link(text: str, address: str) -> str:
    """Return a link; the text alone where the address is none of the web."""
    if not address.startswith(("https://", "http://")):
        return escaped(text)
    return f"[{escaped(text)}]({quote(address, safe=':/?#@!$&*+,;=%-._~')})"


def bullets(lines: Iterable[str]) -> str:
    """Return a list of lines that are Markdown already; empty ones are left out."""
    return "\n".join(f"- {entry}" for entry in lines if entry)
