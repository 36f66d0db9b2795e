"""What an index answers: the names of the manifests that are meant."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from aigc_core.registry.wanted import Wanted


def has_trigrams(base: sqlite3.Connection) -> bool:
    """Say whether texts are found by three of their characters; else each is looked at."""
    return base.execute("SELECT 1 FROM sqlite_master WHERE name = 'trigram'").fetchone() is not None


def found(base: sqlite3.Connection, wanted: Wanted) -> list[str]:
    """Return the names of the files that are meant."""
    words, values = ["1"], []
    for field in ("family", "task", "plugin"):
        if value := getattr(wanted, field):
            words.append(f"kind IN (SELECT number FROM kind WHERE {field} = ?)")  # noqa: S608 - one of three words
            values.append(_text(value))
    if wanted.search:
        text = _text(wanted.search.casefold())
        words.append("instr(text, ?)")
        values.append(text)
        if len(text) >= 3 and "\0" not in text and has_trigrams(base):
            words.append("number IN (SELECT rowid FROM trigram WHERE trigram MATCH ?)")
            values.append(" AND ".join(f'"{part}"' for part in _trigrams(text)))
    query = f"SELECT name FROM model WHERE {' AND '.join(words)}"  # noqa: S608 - words of our own alone
    return [name for (name,) in base.execute(query, values)]


def _trigrams(text: str) -> Iterator[str]:
    """Yield every three characters in a row, as a text between quotes."""
    for part in dict.fromkeys(text[at : at + 3] for at in range(len(text) - 2)):
        yield part.replace('"', '""')


def _text(given: str) -> str:
    """Return a text that SQLite takes: what was typed may be bytes that are none, which no manifest has either."""
    return given.encode("utf-8", "replace").decode()
