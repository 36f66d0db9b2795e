"""A safetensors file taken apart and put together again, byte by byte: so any type of number can be kept.

The format: a little-endian 64-bit length, a JSON header of that length, then the tensors' bytes.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import NamedTuple


class Stored(NamedTuple):
    """One tensor as it lies in a file."""

    name: str
    dtype: str
    shape: list[int]
    data: bytes


def read(path: Path) -> list[Stored]:
    """Return the tensors of a file that has been verified, in the order of their bytes."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    entries = sorted((entry["data_offsets"], name, entry) for name, entry in header.items() if name != "__metadata__")
    return [
        Stored(name, entry["dtype"], entry["shape"], bytes(body[begin:end])) for (begin, end), name, entry in entries
    ]


def write(path: Path, tensors: list[Stored]) -> None:
    """Write tensors in the order given; the header lists them in that order too."""
    header, at = {}, 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for each in tensors:
            stream.write(each.data)
