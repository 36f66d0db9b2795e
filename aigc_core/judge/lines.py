"""What came out of a sandbox as text that can stand in a report."""

from __future__ import annotations


def line(value: object) -> str:
    """Return one line of printable text; empty for None."""
    return printable(" ".join(str(value if value is not None else "").split()))


def printable(text: str) -> str:
    """Return text without anything that steers a terminal; line breaks stay."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
