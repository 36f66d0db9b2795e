"""What an author says to the kit, in ``[tool.aigc-zoo]`` of pyproject.toml: known failures, rows of data, a limit."""

from __future__ import annotations

import importlib
import math
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from aigc_core.errors import WrongUse

SECONDS = 600.0
"""Ten minutes for one clause: far more than any takes that ends, also on a busy machine."""


class Settings(NamedTuple):
    """``expected``, ``rows`` and ``seconds`` of one project."""

    expected: Mapping[str, str] = {}
    """A clause, or a clause and a subject (``"N3 model plaid"``), to the reason why it fails."""
    rows: Mapping[str, Mapping[str, Any]] = {}
    """A recipe's name to what a row of its data holds: ``{"images": [1, 28, 28], "labels": []}``."""
    project: str = ""
    """The distribution that the file is of."""
    folder: str = ""
    seconds: float = SECONDS
    """What one clause may take, by the wall."""

    @classmethod
    def near(cls, folder: str) -> Settings:
        """Read the first pyproject.toml with a project from a folder upwards. Raises ``WrongUse`` where it is wrong."""
        at = os.path.realpath(folder)
        while True:
            path = os.path.join(at, "pyproject.toml")
            if os.path.isfile(path) and (document := _read(path)).get("project"):
                return cls._of(document, path)
            at, before = os.path.dirname(at), at
            if at == before:
                return cls()

    @classmethod
    def of_source(cls, folder: str, distribution: str) -> Settings:
        """Read the file above a package's folder, where it is that of its own distribution; else there is none."""
        found = cls.near(folder) if folder else cls()
        return found if same_name(found.project, distribution) else cls()

    @classmethod
    def _of(cls, document: Mapping[str, Any], path: str) -> Settings:
        own = document.get("tool", {}).get("aigc-zoo", {})
        expected, rows = own.get("expected", {}), own.get("rows", {})
        if not isinstance(expected, dict) or not all(isinstance(why, str) and why.strip() for why in expected.values()):
            raise WrongUse(
                f"tool.aigc-zoo.expected in {path} is no table of clauses and reasons.",
                'Such as: "N3 model plaid" = "one row is computed by another kernel"',
            )
        if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
            raise WrongUse(
                f"tool.aigc-zoo.rows in {path} is no table of recipes.", "Such as: plaid.images = [1, 28, 28]"
            )
        seconds = own.get("seconds", SECONDS)
        if type(seconds) not in (int, float) or not 0 < seconds < math.inf:
            raise WrongUse(f"tool.aigc-zoo.seconds in {path} is no number above 0.", "Such as: seconds = 1200")
        return cls(expected, rows, str(document["project"].get("name", "")), os.path.dirname(path), float(seconds))

    def reason(self, clause: str, subject: str) -> str:
        """Return why a clause is expected to fail on a subject, or an empty string."""
        return self.expected.get(f"{clause} {subject}", "") or self.expected.get(clause, "")


def same_name(one: str, other: str) -> bool:
    """Say whether two names of distributions mean the same, as pip compares them."""
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()


def _read(path: str) -> dict[str, Any]:
    # Python 3.10 has no tomllib; there pytest brings what it was before.
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        with open(path, "rb") as stream:
            document: dict[str, Any] = toml.load(stream)
            return document
    except (OSError, ValueError) as error:
        raise WrongUse(f"{path} cannot be read: {error}.") from None
