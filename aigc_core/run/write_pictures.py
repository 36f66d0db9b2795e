"""From pictures to files, by the output's name: a sheet, single PNGs, an animation, ``.npy`` or ``.safetensors``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import Refused, WrongUse
from aigc_core.files import whole_file
from aigc_core.interfaces import Samples
from aigc_core.run import receipt as receipts
from aigc_core.run import write
from aigc_core.run.pictures import Place
from aigc_core.run.write_gif import write_gif

if TYPE_CHECKING:
    import numpy as np

_RAW = (write.write_npy, write.write_safetensors)
_OF_EACH = ("reconstruct", "translate")
"""Verbs that make a picture of each file."""


class Work(NamedTuple):
    """What is to be written, known before the first picture is made."""

    output: str
    stem: str
    """What single files are called, before their number."""
    shapes: Sequence[tuple[int, int, int]]
    """Channels, height and width of each picture."""
    columns: int
    """Of a sheet."""
    above: Sequence[np.ndarray] = ()
    """What a sheet has over each picture: uint8 levels as high and wide, of 1 or 3 channels."""


def check_output(output: str, animated: bool = False) -> None:
    """Raise as ``write.writer_for`` and ``write.check_room`` do for an output that cannot be, before any work.

    A ``.gif`` can be where the pictures, one after another, are ``animated``.
    """
    write.check_room(output, 1, (), _write_gif if animated and _is_gif(output) else write.writer_for(output))


def check(work: Work) -> None:
    """Refuse what cannot be held. Raises as ``write.check_room``, and ``WrongUse`` where no array holds them all."""
    if _is_gif(work.output):
        return
    writer = write.writer_for(work.output)
    if writer in _RAW and len(set(work.shapes)) > 1:
        sizes = " and ".join(f"{width} x {height}" for _, height, width in list(dict.fromkeys(work.shapes))[:2])
        raise WrongUse(f"The pictures are of {sizes} pixels, which no array holds.", "Write a .png or into -o DIR/.")
    write.check_room(work.output, len(work.shapes), () if writer is write.write_sheet else work.shapes[0], writer)
    if writer is write.write_sheet and math.prod(_canvas(work)[:2]) > write.SHEET_PIXELS:
        raise WrongUse(f"A sheet of {len(work.shapes):,} such pictures is too large.", "Write into -o DIR/.")


def cut(batches: Iterator[Samples], places: Sequence[Place]) -> Iterator[Samples]:
    """Yield each image alone, without what was padded. Raises ``Refused`` where a place lies outside of the image."""
    waiting = iter(places)
    for samples in batches:
        for values, place in zip(samples.values, waiting, strict=False):
            found = place.cut(values)
            if found.shape[1:] != (place.height, place.width):
                size = f"{values.shape[2]} x {values.shape[1]}"
                raise Refused(f"A picture is said to lie at {[*place]} of an image of {size} pixels, which it cannot.")
            yield samples._replace(values=found[None])


def followed(pictures: Iterator[Samples], progress: Callable[[int], None]) -> Iterator[Samples]:
    """Tell how many pictures have been written as each is asked for."""
    for done, samples in enumerate(pictures):
        progress(done)
        yield samples


def write_pictures(work: Work, pictures: Iterator[Samples], receipt: dict[str, Any]) -> None:
    """Write pictures that come one at a time, each of its shape."""
    if _is_gif(work.output):
        _write_gif(write.Job(work.output, work.stem, range(len(work.shapes)), 0, work.shapes[0], receipt), pictures)
        return
    writer = write.writer_for(work.output)
    if writer in _RAW:
        indices = range(len(work.shapes))
        writer(write.Job(work.output, work.stem, indices, 0, work.shapes[0], receipt), pictures)
    elif writer is write.write_images:
        _write_each(work, pictures, receipt)
    else:
        _write_sheet(work, pictures, receipt)


def _is_gif(output: str) -> bool:
    return receipts.ending(output) == ".gif" and not os.path.isdir(output)


def _write_gif(job: write.Job, pictures: Iterator[Samples]) -> None:
    frames = (samples.levels()[0].transpose(1, 2, 0) for samples in pictures)
    with whole_file(job.output) as stream:
        write_gif(stream, frames, job.receipt)


def grid(count: int, high: int = 1) -> int:
    """Return in how many columns a sheet is nearly square, of tiles so many times as high as they are wide."""
    return max(min(count, 8), math.isqrt(high * count - 1) + 1)


def _canvas(work: Work) -> tuple[int, int, int, int, int]:
    """Return height and width of a sheet, height and width of a tile, and the channels."""
    high = 2 if work.above else 1
    rows, columns = -(-len(work.shapes) // work.columns) * high, min(work.columns, len(work.shapes))
    shapes = [*work.shapes, *(each.shape for each in work.above)]
    channels, height, width = (max(sizes) for sizes in zip(*shapes, strict=True))
    down, across = height + write.GAP, width + write.GAP
    return rows * down + write.GAP, columns * across + write.GAP, down, across, channels


def _write_sheet(work: Work, pictures: Iterator[Samples], receipt: dict[str, Any]) -> None:
    import numpy as np

    height, width, down, across, channels = _canvas(work)
    canvas = np.zeros((height, width, channels), np.uint8)

    def put(levels: np.ndarray, row: int, column: int) -> None:
        top = write.GAP + row * down + (down - write.GAP - levels.shape[1]) // 2
        left = write.GAP + column * across + (across - write.GAP - levels.shape[2]) // 2
        canvas[top : top + levels.shape[1], left : left + levels.shape[2]] = levels.transpose(1, 2, 0)

    for index, samples in enumerate(pictures):
        row, column = divmod(index, work.columns)
        if work.above:
            put(work.above[index], 2 * row, column)
        put(samples.levels()[0], 2 * row + 1 if work.above else row, column)
    with whole_file(work.output) as stream:
        write.write_png(canvas, receipt, stream)


def _write_each(work: Work, pictures: Iterator[Samples], receipt: dict[str, Any]) -> None:
    write.make_folder(work.output)
    for index, samples in enumerate(pictures):
        of_each = receipt["verb"] in _OF_EACH
        own = {"inputs": receipt["inputs"][index : index + 1]} if of_each else {"row": index}
        path = os.path.join(work.output, f"{work.stem}-{index:06}.png")
        with whole_file(path) as stream:
            pixels = samples.levels()[0].transpose(1, 2, 0)
            write.write_png(pixels, receipt | own | {"layout": write.SINGLE}, stream)
