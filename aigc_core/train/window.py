"""The losses of the steps since the last line of the log, and their means."""

from __future__ import annotations

from collections.abc import Mapping

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
        self.rows: list[dict[str, float]] = []
        self._pending: list[tuple[list[str], Tensor]] = []

    def add(self, report: Mapping[str, Tensor]) -> list[dict[str, float]]:
        """Take one step's terms, by ``role/term``; return those steps' values that have become known, oldest first."""
        names = sorted(report)
        if self.at_once:
            self.rows.append({name: report[name].item() for name in names})
            return self.rows[-1:]
        self._pending.append((names, torch.stack([report[name].float() for name in names])))
        return []

    def read(self) -> list[dict[str, float]]:
        """Wait for every value that is still on its way, and return those."""
        if not self._pending:
            return []
        sizes = [len(names) for names, _ in self._pending]
        values = distributed.summed(torch.cat([row for _, row in self._pending]), self.ranks).cpu()
        parts = torch.split(values, sizes)
        read = [
            dict(zip(names, part.tolist(), strict=True)) for (names, _), part in zip(self._pending, parts, strict=True)
        ]
        self._pending = []
        self.rows += read
        return read

    def means(self) -> dict[str, float]:
        """Return the means over the steps of the window that have each term, and begin the next."""
        names = sorted({name for row in self.rows for name in row})
        found = {name: [row[name] for row in self.rows if name in row] for name in names}
        self.rows = []
        return {name: sum(values) / len(values) for name, values in found.items()}

    def state(self) -> list[dict[str, float]]:
        """Return what is collected, all of it read."""
        return self.rows

    def load_state(self, state: list[dict[str, float]]) -> None:
        """Restore what ``state`` returned."""
        self.rows = [dict(row) for row in state]
