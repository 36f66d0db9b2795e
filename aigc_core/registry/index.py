"""Which manifests of a large folder are meant: asked of an index that builds itself, one SQLite file a folder.

A folder of a few thousand manifests is read whole, faster than any index is asked. Of a larger one, names and summaries
are kept in the cache. Every manifest that is found is then read from its own file, so that an index can only ever leave
one out. Where there can be none (no space, a cache that is read-only), the manifests are read one after the other.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from aigc_core.paths import home
from aigc_core.registry import places
from aigc_core.registry.wanted import Wanted, manifest_of


def paths(folder: str, wanted: Wanted) -> list[str] | None:
    """Return the manifests of a folder that are meant, sorted; None where it is small, to be read whole."""
    where = os.path.join(home("cache"), "index")
    has_one = os.path.isdir(where) and os.path.exists(_file(where, folder))
    if not os.path.isdir(folder) or not (has_one or _is_large(folder)):
        return None
    try:
        names = _asked(where, folder, wanted)
    except _NoIndex as error:
        print(f"Every manifest of {folder} is read: its index cannot be kept in {where} ({error}).", file=sys.stderr)
        names = [*_read_through(folder, wanted)]
    return sorted(os.path.join(folder, name) for name in names)


class _NoIndex(Exception):
    """Says why."""


def _asked(where: str, folder: str, wanted: Wanted) -> list[str]:
    """Return the names of the manifests that are meant. Raises ``_NoIndex`` where none can be kept."""
    import sqlite3

    from aigc_core.registry import database, query

    file = _file(where, folder)
    try:
        os.makedirs(where, exist_ok=True)
        for _ in range(2):
            try:
                with contextlib.closing(sqlite3.connect(file, timeout=database.PATIENCE)) as base:
                    database.refresh(base, folder)
                    return query.found(base, wanted)
            except sqlite3.Error as error:
                if not database.is_damage(error):
                    raise
            for each in (file, f"{file}-journal"):  # one that is only locked is never removed: its writer goes on
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(each)
    except (sqlite3.Error, OSError) as error:
        raise _NoIndex(str(error)) from None
    raise _NoIndex("it is damaged each time")


def _read_through(folder: str, wanted: Wanted) -> Iterator[str]:
    """Yield the names of the manifests that are meant, with no more than one of them in memory."""
    with contextlib.suppress(OSError), os.scandir(folder) as files:
        for file in files:
            if file.name.endswith(".json") and wanted.matches(file.name[:-5], manifest_of(file.path)):
                yield file.name


def _is_large(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return sum(1 for _ in zip(entries, range(places.LARGE), strict=False)) >= places.LARGE
    except OSError:
        return False


def _file(where: str, folder: str) -> str:
    from hashlib import sha256

    return os.path.join(where, f"{sha256(os.path.realpath(folder).encode()).hexdigest()[:32]}.sqlite")
