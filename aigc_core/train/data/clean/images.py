"""Steps that clean images, each a uint8 array (c, h, w)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.train.data.clean.steps import Dropped, Step, duplicates
from aigc_core.train.data.fields import choice, field, number, only, pair
from aigc_core.train.data.sources.found import Broken

Image = Any
"""An array, or ``Broken`` in its place."""
Work = Callable[[np.ndarray], "np.ndarray | Dropped"]


def steps(declared: Sequence[Any]) -> list[Step[Image]]:
    """Return a recipe's steps. Raises ``WrongUse`` where one is not as it should be.

    An image that cannot be decoded is dropped by ``{"step": "decode"}``; any other step that meets one raises
    ``NotAvailable``.
    """
    return [_step(one, f"data.clean[{place}]") for place, one in enumerate(declared)]


def _step(one: Any, where: str) -> Step[Image]:
    field({where: one}, where, dict, "data.clean")
    makers: dict[str, tuple[Callable[[Mapping[str, Any], str], Work], list[str]]] = {
        "size": (_size, ["min", "max"]),
        "aspect": (_aspect, ["max"]),
        "resize": (resize, ["size", "rule"]),
        "exact-duplicates": (lambda one, where: duplicates(), []),
        "near-duplicates": (_near_duplicates, ["distance"]),
    }
    name = choice(one, "step", ["decode", *makers], where)
    if name == "decode":
        only(one, ["step"], where)
        return Step(one, lambda row: Dropped(f"{row.name}: {row.reason}") if isinstance(row, Broken) else row)
    make, fields = makers[name]
    only(one, ["step", *fields], where)
    work = make(one, where)
    return Step(one, lambda row: work(whole(row)))


def whole(row: np.ndarray | Broken) -> np.ndarray:
    """Return an image's pixels. Raises ``NotAvailable`` where it could not be decoded."""
    if isinstance(row, Broken):
        hint = 'Repair or remove it, or leave such images out: {"step": "decode"} first in the recipe\'s data.clean.'
        raise NotAvailable(f"{row.name} cannot be decoded: {row.reason}.", hint)
    return row


def _size(one: Mapping[str, Any], where: str) -> Work:
    """Keep images of ``min`` [h, w] to ``max`` [h, w] pixels."""
    low = pair(one, "min", int, where) if "min" in one else (1, 1)
    high = pair(one, "max", int, where) if "max" in one else (1 << 30, 1 << 30)
    if low[0] > high[0] or low[1] > high[1]:
        raise WrongUse(f"{where} in the recipe keeps no image: min is above max.")

    def work(image: np.ndarray) -> np.ndarray | Dropped:
        _, height, width = image.shape
        fits = low[0] <= height <= high[0] and low[1] <= width <= high[1]
        return image if fits else Dropped(f"{height} x {width}")

    return work


def _aspect(one: Mapping[str, Any], where: str) -> Work:
    """Keep images whose longer side is at most ``max`` times the shorter one."""
    most = number(one, "max", float, where, 1, float("inf"))

    def work(image: np.ndarray) -> np.ndarray | Dropped:
        _, height, width = image.shape
        return image if max(height, width) <= most * min(height, width) else Dropped(f"{height} x {width}")

    return work


def resize(one: Mapping[str, Any], where: str) -> Callable[[np.ndarray], np.ndarray]:
    """Bring images to ``size`` [h, w], whatever their aspect, by a ``rule`` of Pillow's: ``bicubic`` or ``box``.

    Both antialias when they shrink: the rule's support grows with the factor.
    """
    from PIL.Image import Resampling, fromarray

    height, width = pair(one, "size", int, where)
    if not (1 <= height <= 1 << 14 and 1 <= width <= 1 << 14):
        raise WrongUse(f"{where}.size in the recipe is {[height, width]}; it takes [h, w] in pixels.")
    rule = Resampling[choice(one, "rule", ["bicubic", "box"], where).upper()]

    def work(image: np.ndarray) -> np.ndarray:
        if image.shape[1:] == (height, width):
            return image
        planes = [np.asarray(fromarray(plane).resize((width, height), rule)) for plane in image]
        return np.stack(planes)

    return work


def _near_duplicates(one: Mapping[str, Any], where: str) -> Work:
    """Keep the first of images whose difference hashes differ in at most ``distance`` of 64 bits.

    Each image is compared with all that were kept, so time grows with the square: 60,000 take seconds.
    """
    most = number(one, "distance", int, where, 0, 63)
    seen: set[int] = set()
    kept, count = np.empty(1024, np.uint64), 0

    def work(image: np.ndarray) -> np.ndarray | Dropped:
        nonlocal kept, count
        bits = difference_hash(image)
        if int(bits) in seen or (most and bool((_ones(kept[:count] ^ bits) <= most).any())):
            return Dropped()
        if count == len(kept):
            kept = np.concatenate([kept, np.empty_like(kept)])
        kept[count] = bits
        seen.add(int(bits))
        count += 1
        return image

    return work


def difference_hash(image: np.ndarray) -> np.uint64:
    """Return 64 bits: in the image as 8 x 9 grey means, whether each is below its right neighbour (dHash, Krawetz)."""
    grey, areas = image.sum(axis=0, dtype=np.float64), np.ones(1)
    for axis, parts in ((0, 8), (1, 9)):
        edges = np.arange(parts + 1) * grey.shape[axis] // parts
        grey = np.add.reduceat(grey, edges[:-1], axis=axis)  # of an image smaller than that, single rows
        areas = np.multiply.outer(areas, np.maximum(np.diff(edges), 1)) if axis else np.maximum(np.diff(edges), 1)
    grey = grey / areas  # once, so that an even area gives exactly equal means
    bits: np.uint64 = np.packbits(grey[:, :-1] < grey[:, 1:]).view(np.uint64)[0]
    return bits


def _ones(words: np.ndarray) -> np.ndarray:
    """Return how many bits of each 64-bit word are set (numpy 1 has no ``bitwise_count``)."""
    counts: np.ndarray = _ONES[words.view(np.uint16)].reshape(-1, 4).sum(axis=1, dtype=np.uint8)
    return counts


_ONES = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(
    axis=1, dtype=np.uint8
)
