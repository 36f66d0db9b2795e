"""The decoder's tensors out of verified safetensors files, by their canonical names: mapped, strict, free of torch."""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aigc_core.errors import Refused
from aigc_core.shards import tensor_files
from aigc_text.architecture.layouts import BY_HEAD, TRANSPOSED, Layout, expected, skipped, sources
from aigc_text.architecture.shape import Shape

_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
"""Stored types that weights may have; numpy has no bfloat16, so its bits stand for it."""
_AGAIN = "Fetch the file again, or use one that was saved for this architecture; it was not loaded."


class Mapped(NamedTuple):
    """A file, and its tensors."""

    bytes: mmap.mmap
    tensors: dict[str, Stored]


class Stored(NamedTuple):
    """One tensor as a file has it."""

    array: np.ndarray
    """Mapped from the file, private to this process: bfloat16 as its bits, uint16."""
    bfloat16: bool

    def float32(self) -> np.ndarray:
        """Return the numbers as float32; what is float32 in the file is not copied."""
        if self.bfloat16:
            return (self.array.astype(np.uint32) << 16).view(np.float32)
        return np.asarray(self.array, np.float32)


class Tensors:
    """A decoder's tensors. Raises ``Refused`` where the files do not hold exactly what the shape needs."""

    def __init__(self, shape: Shape, layout: Layout, weights: Mapping[str, Path]) -> None:
        self.shape = shape
        self._stored: dict[str, Stored] = {}
        self._files: list[mmap.mmap] = []
        for path, named in tensor_files(weights):
            bytes_, found = _mapped(path)
            self._files.append(bytes_)
            if named is not None and (wrong := sorted(named.symmetric_difference(found))):
                raise Refused(f"{path} does not hold what its index says: {wrong[0][:100]}.", _AGAIN)
            self._stored |= found
        self._sources = sources(shape, layout, self._stored)
        self._check(layout, str(path))

    def _check(self, layout: Layout, path: str) -> None:
        used = {name for source in self._sources.values() for name in source.names}
        if missing := sorted(used - self._stored.keys()):
            raise Refused(f"{path} does not fit its config: it lacks {_some(missing)}.", _AGAIN)
        if extra := sorted(n for n in self._stored if n not in used and not skipped(self.shape, layout, n)):
            raise Refused(f"{path} does not fit its config: it has {_some(extra)}, which is no part of it.", _AGAIN)
        for name, size in expected(self.shape).items():
            if (found := self._size(name)) != size:
                text = (
                    f"{' and '.join(self._sources[name].names)[:300]} make {list(found)}, the config says {list(size)}"
                )
                raise Refused(f"{path} does not fit its config: {text}.", _AGAIN)

    def _size(self, name: str) -> tuple[int, ...]:
        source = self._sources[name]
        sizes = [self._stored[one].array.shape for one in source.names]
        if source.how == TRANSPOSED:
            return sizes[0][::-1]
        if len({size[1:] for size in sizes}) > 1 or not all(sizes):
            return ()
        return (sum(size[0] for size in sizes), *sizes[0][1:])

    def parts(self, name: str) -> list[Stored]:
        """Return what a canonical tensor is made of, one below the other; each is mapped where it can be."""
        source = self._sources[name]
        found = [self._stored[one] for one in source.names]
        if source.how == TRANSPOSED:
            return [one._replace(array=one.array.T) for one in found]
        if source.how == BY_HEAD:
            return [one._replace(array=self._sorted(one.array)) for one in found]
        return found

    def _sorted(self, array: np.ndarray) -> np.ndarray:
        """Put the queries of all heads before all keys before all values."""
        by_head = array.reshape(self.shape.heads, 3, self.shape.head, *array.shape[1:])
        return np.ascontiguousarray(by_head.swapaxes(0, 1)).reshape(array.shape)

    def float32(self, name: str) -> np.ndarray:
        """Return a canonical tensor as float32, (out, in) for a linear layer."""
        parts = [one.float32() for one in self.parts(name)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def forget(self) -> None:
        """Let the system take back the memory of what was read; it can be read again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            for file in self._files:
                file.madvise(mmap.MADV_DONTNEED)


def _mapped(path: Path) -> Mapped:
    """Map a safetensors file's tensors. The library checks the header; the bytes are then found by its offsets."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            kinds = {name: str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise Refused(f"{path} is no valid safetensors file: {' '.join(str(error).split())[:200]}.", _AGAIN) from error
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header: dict[str, Any] = json.loads(stream.read(length))
        bytes_ = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
    found = {}
    for name, kind in kinds.items():
        if kind not in _TYPES:
            continue  # masks are BOOL or U8; a parameter of another type is missed below, by name
        entry = header[name]
        start = 8 + length + entry["data_offsets"][0]
        count = int(np.prod(entry["shape"], dtype=np.int64))
        array = np.frombuffer(bytes_, _TYPES[kind], count, start).reshape(entry["shape"])
        found[name] = Stored(array, kind == "BF16")
    return Mapped(bytes_, found)


def _some(names: list[str]) -> str:
    return ", ".join(name[:100] for name in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
