"""3 x 3 convolutions of one image (height, width, channels), in bands of rows that stay in the processor's cache.

What comes before a convolution, a normalisation and its activation, is done to a band at a time, and so is what comes
after it: nothing is written to memory but the result, which may lie where the input did. Each thread has a slab of the
image for itself, and its bands go from the top to the bottom.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import conv2d

from aigc_vae.hub.schemes import DOUBLED, PAIRS, Scheme, Tiles, factors
from aigc_vae.hub.side_by_side import side_by_side, threads

BAND = 2**21
"""Bytes of a band's widest array, where one row of it has no more: the second-level cache of one core."""
LOWEST = 4
"""Rows of tiles that a slab has at least, for its edges are computed twice."""
FEWEST = 96
"""From how many channels, in and out, the sums around the products cost less than they spare."""

Before = Callable[[Tensor, Tensor], None]
"""Writes what is to be convolved, (rows, w, c), of rows of the input, (rows, w, c)."""
After = Callable[[Tensor, slice], None]
"""Changes rows of the result, (rows, w, k), in place; the slice says which they are."""


def as_it_is(rows: Tensor, into: Tensor) -> None:
    """Convolve the image itself: a ``Before``."""
    into.copy_(rows)


class _Work(NamedTuple):
    """A convolution, and how it is cut up: in tiles, of ``step`` inputs and ``side`` outputs each way."""

    image: Tensor
    result: Tensor
    before: Before
    after: After | None
    scheme: Scheme | None
    weights: Tensor
    bias: Tensor | None
    step: int
    side: int
    wide: int
    rows: int
    """The height of a band."""


def convolve(
    image: Tensor,
    layer: nn.Conv2d,
    before: Before = as_it_is,
    after: After | None = None,
    *,
    doubled: bool = False,
    into: Tensor | None = None,
) -> Tensor:
    """Return the convolution (h, w, k) of an image (h, w, c) with zeros around it, of a ``doubled`` one (2h, 2w, k).

    ``layer`` holds the weights: 3 x 3, stride 1. ``before`` and ``after`` are given every row, some at a time, from
    several threads. The result goes to ``into``, which may be the image itself.
    """
    height, width, _ = image.shape
    scheme = _scheme(image, layer, doubled)
    step, side = (scheme.step, 2) if scheme else (1, 1)
    high, wide = -(-height // step), -(-width // step)
    rows = _rows(image, scheme, high, wide)
    scale = 2 if doubled else 1
    result = image.new_empty(scale * height, scale * width, layer.out_channels) if into is None else into
    weights = factors(scheme, layer.weight) if scheme else layer.weight
    work = _Work(image, result, before, after, scheme, weights, layer.bias, step, side, wide, rows)
    slabs = min(threads(image.device), -(-high // LOWEST))
    cuts = [high * at // slabs for at in range(slabs + 1)]
    # What a slab sees of its neighbours may be gone when it comes to it, where the result replaces the image.
    edges = [image[step * cut - 1 : step * cut + 1].clone() for cut in cuts[1:-1]]
    above, below = [None, *(edge[:1] for edge in edges)], [*(edge[1:] for edge in edges), None]
    side_by_side([partial(_slab, work, *slab) for slab in zip(cuts, cuts[1:], above, below, strict=False)])
    return result


def _slab(work: _Work, first: int, last: int, above: Tensor | None, below: Tensor | None) -> None:
    """Compute some rows of tiles, given the row of the image above them and that below; None where there is none."""
    image, step, side, rows = work.image, work.step, work.side, min(work.rows, last - first)
    height, width, channels = image.shape
    stop = min(height, step * last)
    band = image.new_zeros(step * rows + 2, step * work.wide + 2, channels)
    inner = band[:, 1 : width + 1]
    tiles = Tiles(work.scheme, rows, work.wide, work.weights, work.bias) if work.scheme else None
    ready = step * first  # the rows of the image that were given to ``before``, up to here
    if above is not None:
        work.before(above, inner[:1])
    for at in range(first, last, rows):
        count = min(rows, last - at)
        top, size = step * at - 1, step * count + 2  # the row of the image that the band begins with, and its height
        if at > first:
            band[:2] = band[-2:].clone()
        end = min(stop, top + size)
        work.before(image[ready:end], inner[ready - top : end - top])
        band[end - top : size] = 0
        if at + count == last and below is not None:
            work.before(below, inner[size - 1 : size])
        ready = end
        where = slice(side * at, min(len(work.result), side * (at + count)))
        if tiles is None:
            _direct(work, band[:size], where)
        else:
            tiles = tiles if count == rows else tiles.of(count)
            tiles(band[:size], work.result[where])
        if work.after:
            work.after(work.result[where], where)


def _direct(work: _Work, band: Tensor, where: slice) -> None:
    found = conv2d(band.unsqueeze(0).permute(0, 3, 1, 2), work.weights, work.bias)
    work.result[where] = found[0].permute(1, 2, 0)


def _scheme(image: Tensor, layer: nn.Conv2d, doubled: bool) -> Scheme | None:
    """Return how to compute a convolution with fewer products, or None where the direct one is faster."""
    if doubled:
        return DOUBLED
    few = min(layer.in_channels, layer.out_channels) < FEWEST
    return None if few or image.device.type != "cpu" else PAIRS


def _rows(image: Tensor, scheme: Scheme | None, high: int, wide: int) -> int:
    """Return how many rows of tiles a band has; all of them where there is no such cache to stay in."""
    if image.device.type != "cpu":
        return high
    widest = wide * image.shape[-1] * image.element_size() * (len(scheme.weights) ** 2 if scheme else 1)
    return min(high, max(1, BAND // widest))
