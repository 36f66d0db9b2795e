"""From batches of images to files: a PNG sheet, single PNGs, ``.npy`` or ``.safetensors``, by the output's name.

Every writer takes batches as they come, holds one batch (a sheet: its canvas) in memory, and puts a file in place only
when it is whole.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.files import whole_file
from aigc_core.interfaces import Samples
from aigc_core.run import receipt as receipts

if TYPE_CHECKING:
    import numpy as np

GAP = 2
"""Pixels between the images of a sheet, and around them."""
SINGLE = "single"
"""Layout of a PNG that is one image without the frame of a sheet."""
SHEET_PIXELS = 64_000_000
"""A sheet above this is refused: viewers take it for a decompression bomb."""


class Job(NamedTuple):
    """What is to be written, known before the first sample is made."""

    output: str
    model: str
    indices: range
    seed: int | None
    """None of samples that were made of noise in a file."""
    shape: tuple[int, ...]
    """Channels, height and width of an image; nothing of a text."""
    receipt: dict[str, Any]
    """Of all the samples; a file that holds fewer narrows its indices."""


Writer = Callable[[Job, Iterator[Samples]], None]


def writer_for(output: str) -> Writer:
    """Choose by the output's name. Raises ``WrongUse`` for an ending that is not known."""
    if "\0" in output:
        raise WrongUse("The output's name cannot hold a null character.")
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return write_images
    ending = receipts.ending(output)
    if ending in _WRITERS:
        return _WRITERS[ending]
    what = f"the ending {ending}" if ending else "no ending"
    raise WrongUse(
        f"Cannot tell what to write to {output}: it has {what}.",
        "Name a .png (a sheet), a DIR/ (single PNGs), a .npy or a .safetensors.",
    )


def check_room(output: str, count: int, shape: tuple[int, ...], writer: Writer) -> None:
    """Refuse, before any work, what cannot be held; how long texts will be is not known then.

    Raises ``WrongUse`` for a sheet that is too large or a folder that does not exist, ``NotAvailable`` for a disk that
    is too small.
    """
    folder = os.path.dirname(os.path.abspath(output))
    if writer is write_images:
        folder = os.path.abspath(output)
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise WrongUse(f"Cannot make the folder {output}: there is a file of that name.")
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)  # the folders below it will be made
    elif not os.path.isdir(folder):
        raise WrongUse(f"Cannot write {output}: the folder {folder} does not exist.")
    if not shape:
        return
    channels, height, width = shape
    if writer is write_sheet:
        columns, rows = _grid(count)
        if (columns * (width + GAP) + GAP) * (rows * (height + GAP) + GAP) > SHEET_PIXELS:
            most = SHEET_PIXELS // ((height + GAP) * (width + GAP))
            holds = f"one holds about {most:,}" if most else "even one image is"
            raise WrongUse(f"A sheet of {count:,} images is too large; {holds}.", "Write into -o DIR/.")
        return
    need = count * (4096 if writer is write_images else 4 * channels * height * width)
    if need > (free := shutil.disk_usage(folder).free):
        text = f"{count:,} samples need about {need / 1e9:,.1f} GB, {folder} has {free / 1e9:,.1f} GB free."
        raise NotAvailable(text)


def write_sheet(job: Job, batches: Iterator[Samples]) -> None:
    """Write all images into one PNG, row by row, nearly square."""
    import numpy as np

    channels, height, width = job.shape
    columns, rows = _grid(len(job.indices))
    canvas = np.zeros((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, channels), np.uint8)
    position = 0
    for samples in batches:
        for image in samples.levels():
            row, column = divmod(position, columns)
            top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
            canvas[top : top + height, left : left + width] = image.transpose(1, 2, 0)
            position += 1
    with whole_file(job.output) as stream:
        write_png(canvas, job.receipt, stream)


def write_images(job: Job, batches: Iterator[Samples]) -> None:
    """Write each image into a PNG of its own, as ``single_name`` says."""
    make_folder(job.output)
    indices = iter(job.indices)
    for samples in batches:
        for image, index in zip(samples.levels(), indices, strict=False):
            name = single_name(job.model, job.seed, index)
            _write_single(os.path.join(job.output, name), image, job.receipt | {"indices": [index, index + 1]})


def single_name(model: str, seed: int | None, index: int) -> str:
    """Return what the PNG of one sample is called: by model, seed and index; ``latent`` stands for no seed."""
    return f"{model}-{'latent' if seed is None else seed}-{index:06}.png"


def make_folder(path: str) -> None:
    """Make a folder and those above it, where they are missing. Raises ``WrongUse`` where that cannot be."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise WrongUse(f"Cannot make the folder {path}: {(error.strerror or str(error)).lower()}.") from error


def write_single(job: Job, batches: Iterator[Samples]) -> None:
    """Write one image into the PNG that is named, as ``write_images`` wrote it into its folder."""
    for samples in batches:
        _write_single(job.output, samples.levels()[0], job.receipt)


def write_npy(job: Job, batches: Iterator[Samples]) -> None:
    """Write the raw float32 samples, shape (n, channels, height, width), and the receipt beside them."""
    from numpy.lib import format as npy

    shape = (len(job.indices), *job.shape)
    with with_receipt_beside(job) as stream:
        npy.write_array_header_2_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for samples in batches:
            stream.write(_raw(samples))


@contextlib.contextmanager
def with_receipt_beside(job: Job) -> Iterator[BinaryIO]:
    """Open the output for writing; put it in place, and then its receipt, which it cannot hold itself."""
    sidecar = receipts.beside(job.output)
    with whole_file(job.output) as stream:
        yield stream
        with contextlib.suppress(FileNotFoundError):
            os.unlink(sidecar)  # before the file is replaced: a wrong receipt is worse than none
    with whole_file(sidecar) as stream:
        stream.write(receipts.dumps(job.receipt).encode() + b"\n")


def write_safetensors(job: Job, batches: Iterator[Samples]) -> None:
    """Write the raw float32 samples as the tensor ``samples``, with the receipt in the file's metadata."""
    import json

    shape = [len(job.indices), *job.shape]
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * math.prod(shape)]}
    header = json.dumps({"__metadata__": {receipts.KEY: receipts.dumps(job.receipt)}, "samples": entry}).encode()
    header += b" " * (-len(header) % 8)  # the format aligns the data to 8 bytes
    with whole_file(job.output) as stream:
        # By hand, because the library writes only what is in memory whole.
        stream.write(len(header).to_bytes(8, "little") + header)
        for samples in batches:
            stream.write(_raw(samples))


_WRITERS: dict[str, Writer] = {".png": write_sheet, ".npy": write_npy, ".safetensors": write_safetensors}


def _write_single(path: str, image: np.ndarray, receipt: dict[str, Any]) -> None:
    with whole_file(path) as stream:
        write_png(image.transpose(1, 2, 0), receipt | {"layout": SINGLE}, stream)


def _grid(count: int) -> tuple[int, int]:
    columns = math.isqrt(count - 1) + 1
    return columns, -(-count // columns)


def write_png(pixels: np.ndarray, receipt: dict[str, Any], stream: BinaryIO) -> None:
    """Write pixels, uint8 (h, w, c), as a PNG with a receipt in it."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(receipts.KEY, receipts.dumps(receipt))
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.save(stream, "PNG", pnginfo=info)


def _raw(samples: Samples) -> bytes:
    import numpy as np

    return np.ascontiguousarray(samples.values, np.dtype("<f4")).tobytes()
