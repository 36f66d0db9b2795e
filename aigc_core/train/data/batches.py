"""What each step sees: a function of (seed, step), whatever was asked for before, by however many ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from aigc_core.errors import WrongUse
from aigc_core.interfaces import NoiseSpec
from aigc_core.run import noise
from aigc_core.train.data import augment
from aigc_core.train.data.fields import choice, field, number, pair
from aigc_core.train.data.order import Order, generator, share
from aigc_core.train.data.rows import NOTHING, Rows, WindowRows

_AUGMENT, _BINARISE = 1 << 31, 3 << 30
"""Set the draws of augmentation and of binarisation apart from those of the order, and from one another."""
_BELOW_1 = 1 - 2.0**-24
"""The largest float32 below 1: white stays white."""


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
            if self.spec.get("binarise") == "dynamic":
                random = generator(self.seed, step + _BINARISE)
                uniform = torch.rand(len(whole), *taken["images"].shape[1:], generator=random)
                taken["images"] = binary(taken["images"], self.spec, uniform[mine] if ranks > 1 else uniform)
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
        yield held_out_rows(rows, spec, indices)


def held_out_rows(rows: Rows, spec: Mapping[str, Any], indices: Tensor) -> dict[str, Tensor]:
    """Return some rows as ``held_out`` yields them, whatever comes beside them."""
    taken = rows.take(indices)
    if "images" in taken:
        taken["images"] = normalised(augment.middle(taken["images"], spec.get("augment", [])), spec)
        if spec.get("binarise") == "dynamic":
            taken["images"] = _held_out_binary(taken["images"], spec, indices.tolist())
    return taken


def normalised(images: Tensor, spec: Mapping[str, Any]) -> Tensor:
    """Return uint8 images as float32 in the recipe's range, 0 at its low and 255 at its high end."""
    low, high = spec["range"]
    values = images.float().div_(255 / (high - low))
    return values.add_(low) if low else values


def binary(images: Tensor, spec: Mapping[str, Any], uniform: Tensor) -> Tensor:
    """Return images in the recipe's range with every pixel at its low or its high end, as often as its grey says.

    ``uniform`` are as many numbers in [0, 1): a pixel is white where its number is below its grey.
    """
    low, high = spec["range"]
    return torch.where(uniform * (high - low) < images - low, float(high), float(low))


def _held_out_binary(images: Tensor, spec: Mapping[str, Any], indices: Sequence[int]) -> Tensor:
    """Draw images that are held out black or white: row *i* always the same, whatever the seed or the batch."""
    drawn = noise.draw({"binarise": NoiseSpec(tuple(images.shape[1:]), "uniform")}, 0, indices)
    return binary(images, spec, torch.from_numpy(drawn["binarise"]).clamp(max=_BELOW_1))


def check(spec: Mapping[str, Any], shape: list[int] | None) -> list[int] | None:
    """Check what the recipe says of batches against images of ``shape`` (c, h, w), or texts (None).

    Returns the shape that a network sees. Raises ``WrongUse``.
    """
    number(spec, "batch_size", int, "data", 1, float("inf"))
    choice(spec, "order", ["shuffle", "replacement"], "data", "shuffle")
    binarise = choice(spec, "binarise", ["none", "dynamic", "fixed"], "data", "none")
    declared = field(spec, "augment", list, "data", [])
    if shape is None:
        for name, given in (("augment", declared), ("binarise", binarise != "none")):
            if given:
                raise WrongUse(f"data.{name} in the recipe is for images; these are texts.")
        return None
    low, high = pair(spec, "range", float, "data")
    if not -1e6 < low < high < 1e6:
        raise WrongUse(f"data.range in the recipe is {[low, high]}; it takes the lowest and the highest value.")
    for place, one in enumerate(declared):
        field({"it": one}, "it", dict, f"data.augment[{place}]")
    return augment.check(declared, shape)
