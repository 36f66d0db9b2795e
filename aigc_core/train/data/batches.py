"""What each step sees: a function of (seed, step), whatever was asked for before, by however many ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from aigc_core.errors import WrongUse
from aigc_core.train.data import augment
from aigc_core.train.data.fields import choice, field, number, pair
from aigc_core.train.data.order import Order, generator, share
from aigc_core.train.data.rows import NOTHING, Rows, WindowRows

_AUGMENT = 1 << 31
"""Sets the draws of augmentation apart from those of the order."""


class Batches:
    """Batches of ``rows`` as the recipe's ``data`` declares them: ``batch_size``, ``order``, ``range``, ``augment``."""

    def __init__(self, rows: Rows, spec: Mapping[str, Any], seed: int) -> None:
        size = number(spec, "batch_size", int, "data", 1, float("inf"))
        order = choice(spec, "order", ["shuffle", "replacement"], "data", "shuffle")
        self.rows, self.seed, self.spec = rows, seed, spec
        self.order = Order(len(rows), size, seed, order)
        self.per_epoch = self.order.per_epoch

    def indices(self, step: int) -> Tensor:
        """Return the rows of a step's whole batch, int64."""
        return self.order.indices(step)

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> dict[str, Tensor]:
        """Return one rank's rows of a step's batch: images normalised and augmented; contiguous, perhaps none."""
        whole = self.indices(step)
        mine = share(len(whole), rank, ranks)
        taken = self.rows.take(whole[mine] if ranks > 1 else whole)
        if "images" in taken:
            images, declared = taken["images"], self.spec.get("augment", [])
            if declared:
                random = generator(self.seed, step + _AUGMENT)
                drawn = augment.draw(declared, len(whole), images.shape[1:], random)
                images = augment.apply(images, declared, [each[mine] for each in drawn])
            taken["images"] = normalised(images, self.spec)
        return taken


def held_out(rows: Rows, spec: Mapping[str, Any], batch_size: int) -> Iterator[dict[str, Tensor]]:
    """Yield every row once, in order, without augmentation; of a text's windows those that do not overlap.

    Of the last window, which ends with the text, targets that an earlier one has are -100: each token but the first is
    predicted exactly once.
    """
    if isinstance(rows, WindowRows):
        for starts, known in rows.each_once(batch_size):
            taken = rows.take(starts)
            # Into a copy: a lone row of tokens shares its memory.
            taken["targets"] = taken["targets"].index_fill(1, torch.arange(known), NOTHING)
            yield taken
        return
    for indices in torch.split(torch.arange(len(rows)), batch_size) if len(rows) else ():
        taken = rows.take(indices)
        if "images" in taken:
            taken["images"] = normalised(augment.middle(taken["images"], spec.get("augment", [])), spec)
        yield taken


def normalised(images: Tensor, spec: Mapping[str, Any]) -> Tensor:
    """Return uint8 images as float32 in the recipe's range, 0 at its low and 255 at its high end."""
    low, high = spec["range"]
    values = images.float().div_(255 / (high - low))
    return values.add_(low) if low else values


def check(spec: Mapping[str, Any], shape: list[int] | None) -> list[int] | None:
    """Check what the recipe says of batches against images of ``shape`` (c, h, w), or texts (None).

    Returns the shape that a network sees. Raises ``WrongUse``.
    """
    number(spec, "batch_size", int, "data", 1, float("inf"))
    choice(spec, "order", ["shuffle", "replacement"], "data", "shuffle")
    declared = field(spec, "augment", list, "data", [])
    if shape is None:
        if declared:
            raise WrongUse("data.augment in the recipe is for images; these are texts.")
        return None
    low, high = pair(spec, "range", float, "data")
    if not -1e6 < low < high < 1e6:
        raise WrongUse(f"data.range in the recipe is {[low, high]}; it takes the lowest and the highest value.")
    for place, one in enumerate(declared):
        field({"it": one}, "it", dict, f"data.augment[{place}]")
    return augment.check(declared, shape)
