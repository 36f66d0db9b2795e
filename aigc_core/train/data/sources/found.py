"""What a source gives: rows before any cleaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse


class Broken(NamedTuple):
    """An image that cannot be decoded, in the place of its pixels."""

    name: str
    reason: str


class Encoded(Protocol):
    """Images that are decoded when they are asked for."""

    name: Callable[[int], str]
    """What to call one in a message."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray | Broken: ...

    def __iter__(self) -> Iterator[np.ndarray | Broken]: ...


class Images(NamedTuple):
    """Images as uint8 (c, h, w) each; in one array (n, c, h, w) where they are decoded already."""

    rows: np.ndarray | Encoded
    labels: np.ndarray | None = None
    """int64 (n,), places in ``classes``."""
    classes: list[str] | None = None
    lazy: bool = False
    """Decode rows again whenever they are taken, instead of keeping their pixels."""


class Texts(NamedTuple):
    """Texts, one a row, and the sha256 of the bytes that they were read from."""

    rows: list[str]
    sha256: str
    labels: np.ndarray | None = None
    classes: list[str] | None = None
    prompts: list[str] | None = None
    """What each row begins with that is given and not learned."""


def located(folder: str | None, name: str, data: str) -> Path:
    """Return the file ``name`` in the user's folder; ``data`` is the data set's name, for the message.

    The folder may be that file itself. Raises ``WrongUse`` where none was given or the name leaves it, ``NotAvailable``
    where the file is missing.
    """
    if folder is None:
        raise WrongUse(
            f"The data set {data} is read from a file or folder, and none was given.", "Name it with --data."
        )
    given = Path(folder)
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise WrongUse(f"The recipe names {name}, which does not lie in the data set's folder.")
    if given.is_file() and name in ("", given.name):
        return given
    path = given / name
    if not path.is_file():
        if given.is_file():
            raise NotAvailable(f"{folder} is not {name}, the file that the data set {data} consists of.")
        if not name and given.is_dir():
            raise NotAvailable(
                f"{folder} is a folder, and the data set {data} is one file.", "Name the file with --data."
            )
        missing = f"{name} is missing" if given.is_dir() else "there is no such file or folder"
        raise NotAvailable(f"There is no data set {data} in {folder}: {missing}.")
    return path


def numbered(values: list[object], where: str) -> tuple[np.ndarray, list[str]]:
    """Return labels as places in their sorted names, int64, and the names. Whole numbers stand for themselves.

    Raises ``NotAvailable`` where one is neither a text nor a whole number from 0 up, or where they are mixed.
    """
    if all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 20 for value in values):
        numbers = np.array(values, np.int64)
        return numbers, [str(number) for number in range(int(numbers.max()) + 1 if len(numbers) else 0)]
    if all(isinstance(value, str) for value in values):
        names = sorted({str(value) for value in values})
        places = {name: place for place, name in enumerate(names)}
        return np.array([places[str(value)] for value in values], np.int64), names
    raise NotAvailable(f"{where} has labels that are neither all texts nor all whole numbers from 0 up.")
