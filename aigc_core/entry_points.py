"""Entry points of installed distributions, read from their metadata folders without ``importlib.metadata``.

The import of that module alone costs four bare interpreters' worth of start-up; the answers are held equal to its own
by a property test, for folders, eggs and zip files.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class EntryPoint(NamedTuple):
    """One line of one ``entry_points.txt``, and whose it is."""

    name: str
    value: str
    info: str
    """Path of the distribution's metadata folder."""


def entry_points(group: str, path: Iterable[str] | None = None) -> list[EntryPoint]:
    """Return a group's entry points in the order of ``path`` (``sys.path``).

    As with any import, the first distribution of a name on the path hides the later ones.
    """
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for root in map(os.fspath, sys.path if path is None else path):
        read = _read if os.path.isfile(root) else _read_plain  # most have none, and need no second look for a zip file
        for normalized, info in _distributions(root):
            if normalized in seen:
                continue
            seen.add(normalized)
            if group in (text := read(os.path.join(info, "entry_points.txt"))):
                found.extend(EntryPoint(name, value, info) for name, value in _section(text, group))
    return found


def name_and_version(info: str) -> tuple[str, str]:
    """Return a distribution's name as its author spells it, and its version, from its metadata folder."""
    # The last is an egg-info file, which is its own metadata.
    text = _read(os.path.join(info, "METADATA")) or _read(os.path.join(info, "PKG-INFO")) or _read(info)
    lines = re.findall(r"^(Name|Version):[ \t]*(.+?)[ \t]*$", text.partition("\n\n")[0], re.MULTILINE)
    fields = dict(reversed(lines))  # of a field that is there twice, the first counts
    stem = os.path.basename(info).rpartition(".")[0]
    name, _, version = stem.partition("-")
    return fields.get("Name", name), fields.get("Version", version or "unknown")


def _distributions(root: str) -> Iterator[tuple[str, str]]:
    """Yield (normalized name, metadata folder) for one entry of the path."""
    is_egg, eggs = os.path.basename(root).lower().endswith(".egg"), []
    for child in _children(root):
        if child.lower().endswith((".dist-info", ".egg-info")):
            yield _normalize(child.rpartition(".")[0].partition("-")[0]), os.path.join(root, child)
        elif is_egg and child.lower() == "egg-info":
            eggs.append(os.path.join(root, child))
    for info in eggs:
        yield _normalize(name_and_version(info)[0]), info


def _children(root: str) -> Iterable[str]:
    try:
        return os.listdir(root or ".")
    except (OSError, ValueError):
        return _zipped_children(root) if os.path.isfile(root) else ()


def _zipped_children(root: str) -> Iterable[str]:
    import zipfile

    try:
        with zipfile.ZipFile(root) as archive:
            return dict.fromkeys(name.partition("/")[0] for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return ()


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _read(path: str) -> str:
    return _read_plain(path) or _read_zipped(path)


def _read_plain(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", errors="replace").replace("\r\n", "\n")
    except OSError:
        return ""


def _read_zipped(path: str) -> str:
    """Read a file inside a zip file that is on the path; an empty string where it is not in one."""
    archive = os.path.dirname(path)
    while archive and not os.path.exists(archive):
        archive = os.path.dirname(archive)
    if not os.path.isfile(archive):
        return ""
    import zipfile

    member = os.path.relpath(path, archive).replace(os.sep, "/")
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.read(member).decode("utf-8", errors="replace").replace("\r\n", "\n")
    except (OSError, KeyError, zipfile.BadZipFile):
        return ""


def _section(text: str, group: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif line and not line.startswith("#") and section == group:
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()
