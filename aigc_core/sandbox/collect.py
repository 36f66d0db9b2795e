"""What came out of a sandbox: regular files of two kinds, counted and bounded, read without following anything."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
from typing import Any, NamedTuple

from aigc_core.errors import Refused

SUFFIXES = (".json", ".safetensors")
_JSON_MB = 4
_DEPTH = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Came(NamedTuple):
    """The content of an output folder."""

    files: dict[str, str]
    """Path by name, of every file that may be read."""
    refused: tuple[str, ...]
    """One phrase for everything else that lay there."""

    def document(self, name: str) -> dict[str, Any]:
        """Return a JSON object. Raises ``Refused`` where it is missing, too large, or no plain JSON object."""
        if name not in self.files:
            raise Refused(f"No {name} came out of the sandbox.")
        return json_object(self.files[name], name)


def collect(folder: str, most: int = 100) -> Came:
    """Look at an output folder when no process of the sandbox runs any more. Never raises for what lies there."""
    files: dict[str, str] = {}
    refused: list[str] = []
    try:
        handle = os.open(folder, _FOLDER)
    except OSError as error:
        return Came({}, (f"the folder itself, which cannot be opened: {(error.strerror or str(error)).lower()}",))
    try:
        with os.scandir(handle) as entries:
            for number, entry in enumerate(entries):
                if number >= most:
                    refused.append(f"more than {most} entries")
                    break
                if reason := _fault(entry.name, handle):
                    refused.append(f"{_shown(entry.name)}, {reason}")
                else:
                    files[entry.name] = f"{folder}/{entry.name}"
    finally:
        os.close(handle)
    return Came(dict(sorted(files.items())), tuple(sorted(refused)))


def _shown(name: str) -> str:
    """Return a file's name as it can stand in a sentence and on a terminal."""
    plain = name.encode("ascii", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else "?" for sign in plain)[:100]


def _fault(name: str, folder: int) -> str:
    """Return why a file is not taken, by its status in an open folder; empty where it is."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            return f"a symbolic link to {_shown(os.readlink(name, dir_fd=folder))}"
    except OSError as error:
        return f"which cannot be looked at: {(error.strerror or str(error)).lower()}"
    if not stat.S_ISREG(status.st_mode):
        return "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
    if status.st_nlink != 1:
        return "a file with more than one name"
    if not _NAME.fullmatch(name):
        return "a name of other characters than letters, digits, dots and dashes"
    return "" if name.endswith(SUFFIXES) else f"neither {' nor '.join(SUFFIXES)}"


def content(path: str, most: int) -> bytes:
    """Return a regular file's bytes. Raises ``Refused`` where it is no such file, or longer than ``most``.

    What it is, is asked of the open file: the name could be another's by then. One that is too long is not read at all,
    for a hole costs whoever made it nothing.
    """
    name = os.path.basename(path)
    try:
        folder = os.open(os.path.dirname(path), _FOLDER)
        try:
            handle = os.open(name, _FILE, dir_fd=folder)
        finally:
            os.close(folder)
        with open(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise Refused(f"{name} is no regular file of one name.")
            if status.st_size > most:
                raise Refused(f"{name} has more than {most:,} bytes.")
            found = stream.read(most + 1)
    except OSError as error:
        raise Refused(f"{name} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    if len(found) > most:
        raise Refused(f"{name} has more than {most:,} bytes.")
    return found


def json_object(path: str, name: str) -> dict[str, Any]:
    """Return the JSON object in a file that nobody trusts. Raises ``Refused``."""
    raw = content(path, _JSON_MB << 20)
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(raw, parse_constant=_no_number, parse_float=_finite)
        if isinstance(found, dict) and _depth(found) <= _DEPTH:
            return found
    raise Refused(f"{name} is no JSON object of finite numbers, or is nested more than {_DEPTH} levels deep.")


def _no_number(text: str) -> float:
    raise ValueError(text)


def _finite(text: str) -> float:
    """Return a number; 1e999 is none, though Python reads it as infinity."""
    return number if math.isfinite(number := float(text)) else _no_number(text)


def _depth(value: Any) -> int:
    level, deep = [value], 0
    while level and deep <= _DEPTH:
        deep += 1
        lists = (each.values() if isinstance(each, dict) else each for each in level)
        level = [inner for each in lists for inner in each if isinstance(inner, (dict, list))]
    return deep
