"""Where each value of a JSON text stands: lines by path, and the fields that an object has twice.

The standard library's parser tells neither. This scanner trusts it to have judged the text: it never raises, and on
text that is no JSON it keeps what it saw before the fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from aigc_core.manifest.problems import plain
from aigc_core.manifest.read import MAX_BYTES, MAX_DEPTH

Path = tuple[str | int, ...]
"""Field names and array positions from the document's root to a value."""

MAX_DUPLICATES = 1000
_TOKEN = re.compile(r'\s*(?:([{}\[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|([^\s{}\[\],:"]+))', re.DOTALL)


class _Node:
    """A value: its line, the line of its field's name, and what it contains by name or position."""

    __slots__ = ("children", "key_line", "line")

    def __init__(self, line: int, key_line: int, children: dict[str | int, _Node] | None) -> None:
        self.line, self.key_line, self.children = line, key_line, children


class Lines(NamedTuple):
    """What the scanner saw."""

    root: _Node
    duplicates: list[tuple[Path, int]]
    """Each repetition of a field in one object: its path and the line of the repetition."""
    too_deep: int
    """The line of the first value that is nested too deeply, where scanning stopped; 0 if there is none."""

    def of(self, path: Sequence[str | int], name: bool = False) -> int:
        """Return the line of a value or, with ``name``, of its field's name.

        For a path that is not there, it is the line of the deepest value on the way that is.
        """
        node, whole = self.root, True
        for key in path:
            child = (node.children or {}).get(key)
            if child is None:
                whole = False
                break
            node = child
        return node.key_line if name and whole else node.line


def scan(text: str) -> Lines:
    """Find the lines of all values of a JSON text of at most ``MAX_BYTES`` characters."""
    return _Scanner(text if len(text) <= MAX_BYTES else "").run()


def pointer(path: Sequence[str | int]) -> str:
    """Return a path as a JSON pointer (RFC 6901) that can be printed: half a surrogate pair is escaped."""
    parts = (str(key).replace("~", "~0").replace("/", "~1") for key in path)
    return plain("".join(f"/{part}" for part in parts))


class _Scanner:
    """One pass over the tokens, with a stack in the place of recursion."""

    def __init__(self, text: str) -> None:
        self.text, self.line = text, 1
        self.root = _Node(1, 1, None)
        self.open: list[_Node] = []
        self.path: list[str | int] = []  # of the innermost open container
        self.key: tuple[str, int] | None = None  # a field's name and its line, when its value is due
        self.duplicates: list[tuple[Path, int]] = []

    def run(self) -> Lines:
        position = 0
        while token := _TOKEN.match(self.text, position):
            start = token.start(token.lastindex or 0)
            self.line += self.text.count("\n", position, start)
            if not self._take(token[token.lastindex or 0]):
                break
            self.line += self.text.count("\n", start, token.end())
            position = token.end()
        too_deep = self.line if len(self.open) > MAX_DEPTH else 0
        return Lines(self.root, self.duplicates, too_deep)

    def _take(self, mark: str) -> bool:
        """Take one token. Return False where scanning ends."""
        if mark in ",:":
            return True
        if mark in "}]":
            self._close()
            return bool(self.open)
        if mark.startswith('"') and self.key is None and self.open and not isinstance(self.open[-1], _Array):
            return self._name(mark)
        return self._value(mark)

    def _name(self, token: str) -> bool:
        try:
            name = str(json.loads(token, strict=False))
        except ValueError:
            return False
        self.key = (name, self.line)
        if name in (self.open[-1].children or {}) and len(self.duplicates) < MAX_DUPLICATES:
            self.duplicates.append(((*self.path, name), self.line))
        return True

    def _value(self, mark: str) -> bool:
        key_line = self.key[1] if self.key else self.line
        kind = _Array if mark == "[" else _Node
        node = kind(self.line, key_line, {} if mark in "{[" else None)
        if self.open:
            outer = self.open[-1].children
            assert outer is not None  # only containers are open
            if self.key is None and not isinstance(self.open[-1], _Array):
                return False
            key: str | int = self.key[0] if self.key else len(outer)
            outer[key] = node
        else:
            key, self.root = "", node
        self.key = None
        if node.children is None:
            return bool(self.open)
        if self.open:
            self.path.append(key)
        self.open.append(node)
        return len(self.open) <= MAX_DEPTH

    def _close(self) -> None:
        self.key = None
        if self.open:
            self.open.pop()
        if self.path:
            self.path.pop()


class _Array(_Node):
    """A value whose children have positions."""

    __slots__ = ()
