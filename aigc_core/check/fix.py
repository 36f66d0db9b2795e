"""What is mechanical about a fault, done: each is one of ``validate``'s problems with the right value in its hint."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from aigc_core.check.found import File, files
from aigc_core.check.layout import ordered, written
from aigc_core.check.static import problems, shown
from aigc_core.files import whole_file
from aigc_core.manifest import converters
from aigc_core.manifest.model import leaves_folder
from aigc_core.manifest.problems import Problem
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.manifest.schema import schema
from aigc_core.verified import sha256_of

_ROUNDS = 200
"""A fault can hide another: a misspelt field the faults of its value. Each round mends one."""
_TAKES = re.compile(r'^It takes ("[^"]*"|-?\d+)(?:[,.]| if)')
_MEANT = re.compile(r"Did you mean ([^?]+)\?")


def mend(path: str) -> list[str]:
    """Mend what can be at a path; return a line for each change. Raises as ``files`` does."""
    return [line for file in files(path) if file.kind != "project" for line in _mend_file(file)]


def _mend_file(file: File) -> list[str]:
    try:
        document = read_object(file.path)
    except Malformed:
        return []
    if any(problem.code == "duplicate-key" for problem in problems(file)):  # to write it would choose one of the two
        return []
    told: list[str] = []
    if file.kind in converters.LAYOUTS and converters.is_old(file.kind, document):
        document, changes = converters.convert(file.kind, document)
        told = [f"{shown(file.path)}: {change}" for change in changes]
        _write(file.path, document)
    for _ in range(_ROUNDS):
        before = json.dumps(document)
        for problem in problems(file):
            if line := _mended(document, problem, file.folder):
                told.append(f"{shown(file.path)} {problem.pointer}: {line}")
                break  # what else is wrong may have moved with it
        if json.dumps(document) == before:
            break
        _write(file.path, document)
    in_order = ordered(document, schema(file.kind), schema(file.kind))
    if json.dumps(in_order) != json.dumps(document):
        _write(file.path, in_order)
        told.append(f"{shown(file.path)}: its fields are in the order of the schema")
    return told


def _write(path: str, document: dict[str, Any]) -> None:
    with whole_file(path) as stream:
        stream.write(written(document).encode())


def _mended(document: dict[str, Any], problem: Problem, folder: str) -> str:
    """Mend one fault in place; return what was done, or an empty string where only a person can know."""
    if problem.code not in _MENDERS or not problem.pointer:
        return ""
    *parts, last = [part.replace("~1", "/").replace("~0", "~") for part in problem.pointer.split("/")[1:]]
    if parts[:1] == ["golden"]:  # to take what is there for right is what a golden case is against
        return ""
    holder: Any = document
    try:
        for part in parts:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        key = int(last) if isinstance(holder, list) else last
        return _MENDERS[problem.code](At(holder, key, folder), problem.hint)
    except (KeyError, IndexError, ValueError, TypeError):
        return ""


class At(NamedTuple):
    """A place in a document."""

    holder: Any
    """The object or array that the value is in."""
    key: Any
    folder: str
    """Where the files lie that the document names."""

    def set(self, value: Any) -> str:
        """Put another value there; say what was done."""
        before = self.holder.get(self.key) if isinstance(self.holder, dict) else self.holder[self.key]
        self.holder[self.key] = value
        return "" if before == value else f"{_short(before)} -> {_short(value)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _take(at: At, hint: str) -> str:
    """Take the value that the hint says is right, of a file that is as it should be."""
    said = _TAKES.match(hint)
    return at.set(json.loads(said[1])) if said else ""


def _rename(at: At, hint: str) -> str:
    """Give a field the name that it was meant to have, in its place."""
    if not (meant := _MEANT.match(hint)) or meant[1] in at.holder:
        return ""
    entries = [(meant[1] if name == at.key else name, value) for name, value in at.holder.items()]
    at.holder.clear()
    at.holder.update(entries)
    return f"is called {meant[1]}"


def _mean(at: At, hint: str) -> str:
    """Take the known name that is near."""
    meant = _MEANT.match(hint)
    return at.set(meant[1]) if meant and isinstance(at.holder[at.key], str) else ""


def _mean_architecture(at: At, hint: str) -> str:
    """Take the known one: a value in a model's manifest, the name of an entry in ``plugin.json``."""
    return _mean(at, hint) if at.key == "architecture" else _rename(at, hint)


def _mean_module(at: At, hint: str) -> str:
    meant = _MEANT.match(hint)
    return at.set(f"{meant[1]}:{at.holder[at.key].partition(':')[2]}") if meant else ""


def _mean_name(at: At, hint: str) -> str:
    meant = _MEANT.match(hint)
    return at.set(f"{at.holder[at.key].partition(':')[0]}:{meant[1]}") if meant else ""


def _drop(at: At, hint: str) -> str:
    """Remove an entry of an array that is there before."""
    if not isinstance(at.holder, list) or at.holder.index(at.holder[at.key]) == at.key:
        return ""
    return f"{_short(at.holder.pop(at.key))} was there twice"


def _measure(at: At, hint: str) -> str:
    """Fill in the size or the hash of a bundled file that is there."""
    if leaves_folder(at.holder["path"]):
        return ""
    path = os.path.join(at.folder, at.holder["path"])
    if at.key not in ("size", "sha256") or not os.path.isfile(path):
        return ""
    return at.set(os.path.getsize(path) if at.key == "size" else sha256_of(path))


_MENDERS: dict[str, Callable[[At, str], str]] = {
    **dict.fromkeys(("wrong-size", "wrong-hash", "wrong-dtype", "wrong-name"), _take),
    **dict.fromkeys(("not-allowed", "unknown-hook", "unknown-component"), _mean),
    "unknown-architecture": _mean_architecture,
    "missing-field": _measure,
    "unknown-field": _rename,
    "unknown-module": _mean_module,
    "unknown-name": _mean_name,
    "duplicate-entry": _drop,
}
