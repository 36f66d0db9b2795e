"""How a check ends other than well: it found a fault, or there is nothing that it could look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Broken(Exception):
    """A clause does not hold; ``details`` are the evidence, as JSON."""

    def __init__(self, text: str, hint: str = "", /, **details: Any) -> None:
        super().__init__(text)
        self.hint = hint
        self.details: Mapping[str, Any] = details


class Skipped(Exception):
    """A clause has nothing to look at here, and why."""
