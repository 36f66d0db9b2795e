"""The losses of the steps since the last line of the log, and their means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from aigc_core.train import ranks as distributed
from aigc_core.train.ranks import Ranks


class Window:
    """Collects each step's terms.

    Reading a value waits for the device and for the other ranks, so both are read once a window; a lone CPU gives its
    values at once, and what is wrong with a step is seen before the next.
    """

    def __init__(self, device: torch.device, ranks: Ranks) -> None:
        self.at_once = device.type == "cpu" and ranks.world == 1
        self.ranks = ranks
        self.names: list[str] = []
        self.rows: list[list[float]] = []
        self._pending: list[Tensor] = []

    def add(self, report: Mapping[str, Tensor]) -> list[list[float]]:
        """Take one step's terms, by ``role/term``; return those steps' values that have become known, oldest first."""
        self.names = self.names or sorted(report)
        if self.at_once:
            self.rows.append([report[name].item() for name in self.names])
            return self.rows[-1:]
        self._pending.append(torch.stack([report[name].float() for name in self.names]))
        return []

    def read(self) -> list[list[float]]:
        """Wait for every value that is still on its way, and return those."""
        if not self._pending:
            return []
        values: list[list[float]] = distributed.summed(torch.stack(self._pending), self.ranks).tolist()
        self._pending = []
        self.rows += values
        return values

    def means(self) -> dict[str, float]:
        """Return the means over the window, and begin the next."""
        means = {name: sum(row[place] for row in self.rows) / len(self.rows) for place, name in enumerate(self.names)}
        self.rows = []
        return means

    def state(self) -> dict[str, Any]:
        """Return what is collected, all of it read."""
        return {"names": self.names, "rows": self.rows}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state`` returned."""
        self.names, self.rows = list(state["names"]), [list(row) for row in state["rows"]]
