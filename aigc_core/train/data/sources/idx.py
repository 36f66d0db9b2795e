"""Images and labels in idx files, plain or gzipped, as MNIST and Fashion-MNIST have them."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from aigc_core.errors import NotAvailable
from aigc_core.train.data.fields import field, only
from aigc_core.train.data.sources.found import Images, located, numbered

_AGAIN = "Fetch the file again."


def images(source: Mapping[str, Any], folder: str | None, data: str) -> Images:
    """Read ``{"images": FILE, "labels": FILE, "classes": [NAME, ...]}``; all but the images may be left out.

    Images of (n, h, w) get a channel axis. Raises ``NotAvailable`` where a file is missing or is no such file.
    """
    where = "data.source"
    only(source, ["kind", "images", "labels", "classes"], where)
    path = located(folder, field(source, "images", str, where), data)
    pixels = read(path)
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    if pixels.ndim != 4 or 0 in pixels.shape:
        raise NotAvailable(f"{path} holds no images: its shape is {list(pixels.shape)}.", _AGAIN)
    if "labels" not in source:
        return Images(pixels)
    path = located(folder, field(source, "labels", str, where), data)
    found = read(path)
    if found.shape != (len(pixels),):
        text = f"{path} holds labels of shape {list(found.shape)}, and there are {len(pixels):,} images."
        raise NotAvailable(text, "Name the labels that belong to the images.")
    labels, classes = numbered(found.tolist(), str(path))
    return Images(pixels, labels, _named(field(source, "classes", list, where, classes), len(classes), path))


def _named(names: list[Any], count: int, path: Path) -> list[str]:
    if len(names) < count:
        raise NotAvailable(f"{path} has labels up to {count - 1}, and data.source.classes names {len(names)}.")
    return [str(name) for name in names]


def read(path: Path) -> np.ndarray:
    """Read one idx file of bytes into a writable array. Raises ``NotAvailable`` where it is none or is cut short."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                return _read(file, path)
            with gzip.open(file) as stream:
                return _read(cast(BinaryIO, stream), path)
    except (OSError, EOFError, zlib.error) as error:
        raise NotAvailable(f"{path} cannot be read: {str(error).rstrip('.')}.", _AGAIN) from error


def _read(stream: BinaryIO, path: Path) -> np.ndarray:
    head = stream.read(4)
    if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4:  # 8: unsigned bytes; then the dimensions
        raise NotAvailable(f"{path} is no idx file of bytes: it starts with {head.hex(' ') or 'nothing'}.", _AGAIN)
    sizes = stream.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise NotAvailable(f"{path} is cut short: it ends within its header.", _AGAIN)
    shape = struct.unpack(f">{head[3]}I", sizes)
    size = math.prod(shape)
    values = bytearray()
    while chunk := stream.read(min(1 << 24, size + 1 - len(values))):  # memory for what comes, not for what is claimed
        values += chunk
    if len(values) != size:
        more = "more" if len(values) > size else f"{len(values):,}"
        raise NotAvailable(f"{path} is no whole idx file: its header says {size:,} bytes, and it has {more}.", _AGAIN)
    return np.frombuffer(values, np.uint8).reshape(shape)
