"""The problems of one file, as they are found."""

from __future__ import annotations

from typing import Any

from aigc_core.manifest.lines import Lines, Path, pointer
from aigc_core.manifest.problems import Problem

MAX_REPORT = 500_000
"""Characters. A report that is longer helps nobody; without an end, a hostile file could fill the memory."""


class Report:
    """Collects problems, and knows which values they spoil."""

    def __init__(self, lines: Lines) -> None:
        self.lines, self.room = lines, MAX_REPORT
        self.problems: list[Problem] = []
        self.faulty: set[Path] = set()

    def add(self, code: str, path: Path, message: str, hint: str, name: bool = False, line: int = 0) -> None:
        """Note a problem of the value at ``path`` or, with ``name``, of the field's name."""
        if self.room > 0:
            self.faulty.add(path)
            self.problems.append(Problem(code, pointer(path), line or self.lines.of(path, name), message, hint))
            self.room -= sum(map(len, (self.problems[-1].pointer, message, hint)))

    def sound(self, value: Any, path: Path = ()) -> Any:
        """Return a copy without the faulty values, so that what remains is of the types that the schema asks for."""
        if isinstance(value, dict):
            entries = (((*path, key), key, entry) for key, entry in value.items())
            return {key: self.sound(entry, at) for at, key, entry in entries if at not in self.faulty}
        if isinstance(value, list):  # None keeps the positions of the others
            places = (((*path, index), entry) for index, entry in enumerate(value))
            return [None if at in self.faulty else self.sound(entry, at) for at, entry in places]
        return value
