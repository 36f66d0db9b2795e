"""What came out of a sandbox: regular files of two kinds, counted and bounded, read without following anything."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from typing import Any, NamedTuple

from aigc_core.errors import Refused

SUFFIXES = (".json", ".safetensors")
_JSON_MB = 16
_DEPTH = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number >= most:
                refused.append(f"more than {most} entries")
                break
            name = _shown(entry.name)
            if reason := _fault(entry):
                refused.append(f"{name}, {reason}")
            else:
                files[entry.name] = entry.path
    return Came(dict(sorted(files.items())), tuple(sorted(refused)))


def _shown(name: str) -> str:
    """Return a file's name as it can stand in a sentence and on a terminal."""
    plain = name.encode("ascii", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else "?" for sign in plain)[:100]


def _fault(entry: os.DirEntry[str]) -> str:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return f"a symbolic link to {_shown(os.readlink(entry.path))}"
    if not stat.S_ISREG(status.st_mode):
        return "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
    if status.st_nlink != 1:
        return "a file with more than one name"
    if not _NAME.fullmatch(entry.name):
        return "a name of other characters than letters, digits, dots and dashes"
    return "" if entry.name.endswith(SUFFIXES) else f"neither {' nor '.join(SUFFIXES)}"


def content(path: str, most: int) -> bytes:
    """Return a regular file's bytes. Raises ``Refused`` where it is no such file, or longer than ``most``."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Refused(f"{os.path.basename(path)} is no regular file.")
            found = stream.read(most + 1)
    except OSError as error:
        raise Refused(f"{os.path.basename(path)} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    if len(found) > most:
        raise Refused(f"{os.path.basename(path)} has more than {most:,} bytes.")
    return found


def json_object(path: str, name: str) -> dict[str, Any]:
    """Return the JSON object in a file that nobody trusts. Raises ``Refused``."""
    raw = content(path, _JSON_MB << 20)
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(raw, parse_constant=_no_number)
        if isinstance(found, dict) and _depth(found) <= _DEPTH:
            return found
    raise Refused(f"{name} is no JSON object, or is nested more than {_DEPTH} levels deep.")


def _no_number(text: str) -> float:
    raise ValueError(text)


def _depth(value: Any) -> int:
    level, deep = [value], 0
    while level and deep <= _DEPTH:
        deep += 1
        lists = (each.values() if isinstance(each, dict) else each for each in level)
        level = [inner for each in lists for inner in each if isinstance(inner, (dict, list))]
    return deep
