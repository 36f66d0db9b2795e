"""The index of one folder of manifests: names, what they are filtered by, and their texts, in one SQLite file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys

from aigc_core.registry import places, stamps
from aigc_core.registry.query import has_trigrams
from aigc_core.registry.wanted import manifest_of, text_of

FORMAT = 3
PATIENCE = 2.0
"""Seconds to wait for another process before it is said that we do; then up to ``_LONGEST``."""
_LONGEST = 1800
WATCHED = 20_000
"""Manifests up to which each file's time is looked at, so that one that is overwritten in place is seen too. Of more,
that takes longer than a search may: the folder's own time alone counts."""
_TABLES = (
    "CREATE TABLE folder (stamp TEXT, count INTEGER)",
    # What many models share, once: with it in every row, and an index on the names, a million take 246 MB, not 170.
    "CREATE TABLE kind (number INTEGER PRIMARY KEY, family TEXT, task TEXT, plugin TEXT)",
    """CREATE TABLE model (
        number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, stamp INTEGER, size INTEGER, kind INTEGER, text TEXT
    )""",
)
_TRIGRAMS = """
CREATE VIRTUAL TABLE trigram
USING fts5(text, content='', detail=none, columnsize=0, tokenize='trigram case_sensitive 1')
"""


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether a file is no index of ours; one that is locked, read-only or out of space still is."""
    return not isinstance(error, sqlite3.OperationalError) or "no such" in str(error)


def refresh(base: sqlite3.Connection, folder: str) -> None:
    """Bring the index up to the folder as it is now, in one transaction; do nothing where it is."""
    if _holds(base, folder):
        return
    base.execute("PRAGMA journal_mode = DELETE")
    base.execute("PRAGMA synchronous = OFF")  # after a power cut it is damaged, seen to be so, and built again
    base.execute("PRAGMA cache_size = -64000")
    _begin(base, folder)
    if not _holds(base, folder):  # another process may have done it while we waited
        if _version(base) != FORMAT:
            _make(base)
        stamp = stamps.settled(folder)
        _take_in(base, folder)
        base.execute("DELETE FROM folder")
        base.execute("INSERT INTO folder SELECT ?, count(*) FROM model", (stamp,))
    base.commit()


def _begin(base: sqlite3.Connection, folder: str) -> None:
    """Begin to write, when nobody else does."""
    try:
        base.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        print(f"Another process is indexing {folder}; waiting for it.", file=sys.stderr)
        base.execute(f"PRAGMA busy_timeout = {_LONGEST * 1000}")
        base.execute("BEGIN IMMEDIATE")


def _holds(base: sqlite3.Connection, folder: str) -> bool:
    """Say whether the index is that of the folder as it is now."""
    if _version(base) != FORMAT:
        return False
    stamp, count = base.execute("SELECT stamp, count FROM folder").fetchone() or ("", 0)
    if stamp != stamps.of_folder(folder):
        return False
    return count > WATCHED or {*stamps.of_files(folder)} == {*base.execute("SELECT name, stamp, size FROM model")}


def _version(base: sqlite3.Connection) -> int:
    (found,) = base.execute("PRAGMA user_version").fetchone()
    return int(found)


def _make(base: sqlite3.Connection) -> None:
    tables = "SELECT name FROM sqlite_master WHERE name IN ('folder', 'kind', 'model', 'trigram')"
    for (name,) in base.execute(tables).fetchall():
        base.execute(f"DROP TABLE {name}")
    for statement in _TABLES:
        base.execute(statement)
    with contextlib.suppress(sqlite3.OperationalError):  # a build without FTS5, or older than 3.34: texts are scanned
        base.execute(_TRIGRAMS)
    base.execute(f"PRAGMA user_version = {FORMAT}")


def _take_in(base: sqlite3.Connection, folder: str) -> None:
    """Read every manifest that is new or another than before, and forget those that are gone."""
    base.execute("CREATE TEMP TABLE seen (name TEXT PRIMARY KEY, stamp INTEGER, size INTEGER) WITHOUT ROWID")
    base.executemany("INSERT INTO seen VALUES (?, ?, ?)", stamps.of_files(folder))
    base.execute(
        "DELETE FROM model WHERE NOT EXISTS (SELECT 1 FROM seen WHERE seen.name = model.name"
        " AND seen.stamp = model.stamp AND seen.size = model.size)"
    )
    base.execute("DELETE FROM seen WHERE name IN (SELECT name FROM model)")
    (count,) = base.execute("SELECT count(*) FROM seen").fetchone()
    if count >= places.LARGE:
        print(f"Reading {count:,} manifests of {folder}, once; a search is fast from then on.", file=sys.stderr)
    (last,) = base.execute("SELECT coalesce(max(number), 0) FROM model").fetchone()
    kinds: dict[tuple[str, ...], int] = {
        tuple(kind): number for number, *kind in base.execute("SELECT number, family, task, plugin FROM kind")
    }
    base.executemany(
        "INSERT INTO model (name, stamp, size, kind, text) VALUES (?, ?, ?, ?, ?)",
        (_row(folder, kinds, *each) for each in base.execute("SELECT name, stamp, size FROM seen")),
    )
    rows = ((number, *kind) for kind, number in kinds.items())
    base.executemany("INSERT OR IGNORE INTO kind VALUES (?, ?, ?, ?)", rows)
    if has_trigrams(base):  # what is gone stays in it, and is no number of any model's
        base.execute("INSERT INTO trigram (rowid, text) SELECT number, text FROM model WHERE number > ?", (last,))
    base.execute("DROP TABLE seen")


def _row(folder: str, kinds: dict[tuple[str, ...], int], name: str, stamp: int, size: int) -> tuple[str | int, ...]:
    """Return a model's row; a kind that no model had before is added to ``kinds`` with a number."""
    manifest = manifest_of(os.path.join(folder, name))
    kind = (manifest.family, manifest.task, manifest.plugin) if manifest else ("", "", "")
    return (name, stamp, size, kinds.setdefault(kind, len(kinds) + 1), text_of(name[:-5], manifest))
