"""Running declared steps over rows, one pass, with a count before and after each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from aigc_core.train.data.split import digest

Row = TypeVar("Row")


class Dropped(NamedTuple):
    """A step's answer for a row that it does not keep; ``why`` is told of the first one, where it is not empty."""

    why: str = ""


class Step(Generic[Row]):
    """One declared step: ``work`` gives the row that goes on, or ``Dropped``."""

    def __init__(self, declared: Mapping[str, Any], work: Callable[[Row], Row | Dropped]) -> None:
        self.declared, self.work = declared, work
        self.before = self.after = 0
        self.first = ""

    def __call__(self, row: Row) -> Row | Dropped:
        self.before += 1
        found = self.work(row)
        if isinstance(found, Dropped):
            self.first = self.first or found.why
        else:
            self.after += 1
        return found

    def record(self) -> dict[str, Any]:
        """Return what was declared, with the rows before and after, and why the first was dropped if that is said."""
        counts = {**self.declared, "before": self.before, "after": self.after}
        return counts | ({"first": self.first} if self.first else {})


def clean(rows: Iterable[Row], steps: list[Step[Row]]) -> Iterator[tuple[int, Row]]:
    """Yield the place of each row that every step keeps, and what they made of it."""
    for place, row in enumerate(rows):
        for step in steps:
            found = step(row)
            if isinstance(found, Dropped):
                break
            row = found
        else:
            yield place, row


def duplicates() -> Callable[[Any], Any]:
    """Keep the first of rows with equal content."""
    seen: set[bytes] = set()

    def work(row: Any) -> Any:
        content = digest(row)
        if content in seen:
            return Dropped()
        seen.add(content)
        return row

    return work
