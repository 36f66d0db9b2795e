"""Images that cleaning has left: in memory, or decoded again at each use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from aigc_core.errors import NotAvailable
from aigc_core.train.data.clean.images import resize, whole
from aigc_core.train.data.rows import ImageRows, LazyRows, Rows
from aigc_core.train.data.sources.found import Encoded


class Again(Sequence[np.ndarray]):
    """Images that are decoded and resized again at each use: those of ``encoded`` at ``places``."""

    def __init__(self, encoded: Encoded, places: list[int], declared: Sequence[Any], shape: tuple[int, ...]) -> None:
        self.encoded, self.places, self.declared, self.shape = encoded, places, declared, shape
        self.resizes = [resize(one, "data.clean") for one in declared if one["step"] == "resize"]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return Again(self.encoded, [self.places[each] for each in index], self.declared, self.shape)
        image = whole(self.encoded[self.places[index]])
        for work in self.resizes:
            image = work(image)
        if image.shape != self.shape:
            raise NotAvailable(f"{self.encoded.name(self.places[index])} has changed since the training started.")
        return image


class Cleaned(NamedTuple):
    """What is left of a source."""

    rows: np.ndarray | Again
    labels: np.ndarray | None
    digests: list[bytes]
    record: dict[str, Any]

    def some(self, indices: Sequence[int]) -> Cleaned:
        """Keep the rows at these places."""
        if len(indices) == len(self.rows):  # in order, so all of them: no copy
            return self
        labels = None if self.labels is None else self.labels[list(indices)]
        digests = [self.digests[index] for index in indices] if self.digests else []
        return Cleaned(self.rows[list(indices)], labels, digests, self.record)

    def as_rows(self) -> Rows | None:
        """Return what a training draws from; None where nothing is left."""
        if not len(self.rows):
            return None
        labels = None if self.labels is None else torch.from_numpy(self.labels)
        if isinstance(self.rows, Again):
            return LazyRows(self.rows, labels)
        return ImageRows(torch.from_numpy(self.rows), labels)
