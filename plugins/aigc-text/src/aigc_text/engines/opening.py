"""An engine by its name, from a model's verified files; conversions for other programs are made once and kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.errors import NotAvailable, WrongUse
from aigc_text.engines.engine import Engine
from aigc_text.engines.sources import Source

if TYPE_CHECKING:
    from aigc_text.engines.native import Native

ENGINES = {
    "native": ("float32", "bfloat16", "int8", "int4"),
    "compiled": ("float32", "bfloat16"),
    "gguf": ("float32", "int8", "int4"),
    "ct2": ("float32", "int8"),
    "transformers": ("float32",),
}
"""Every engine, with the types that it can compute the weights in."""


def opened(name: str, source: Source, dtype: str, threads: int, device: str) -> Engine:
    """Return the engine of that name for a model.

    ``threads`` 0 is one a core. Raises ``WrongUse`` where engine, type and device do not go together, ``NotAvailable``
    where the engine is not installed or cannot run the model.
    """
    if dtype not in ENGINES[name]:
        raise WrongUse(f"The engine {name} has no {dtype}; it takes {', '.join(ENGINES[name])}.")
    if device != "cpu" and name != "native":
        raise WrongUse(f"The engine {name} computes on the cpu alone, not on {device}.", "Try: --engine native")
    if source.shape is None and name in ("native", "compiled", "ct2"):
        kind = str(source.config.get("model_type"))[:100]
        raise NotAvailable(f"The engine {name} does not know model_type {kind}.", "Try: --engine auto")
    return _OPENERS[name](source, dtype, threads or _cores(), device)


def _cores() -> int:
    """Return how many threads there are to be where nobody says: what OpenMP is told, or the cores of this process.

    ``python -m benchmarks.text_threads`` compares the numbers.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told):  # it may also be a list, for teams within teams
        return int(told)
    if hasattr(os, "sched_getaffinity"):  # macOS has none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _native(source: Source, dtype: str, threads: int, device: str) -> Engine:
    from aigc_text.engines.native import Native

    return _settled(Native(source.tensors(), dtype, device), threads)


def _compiled(source: Source, dtype: str, threads: int, device: str) -> Engine:
    from aigc_text.engines.compiled import Compiled

    return _settled(Compiled(source.tensors(), dtype), threads)


def _settled(engine: Native, threads: int) -> Engine:
    import torch

    torch.set_num_threads(1)
    try:
        engine.settle()
    finally:
        torch.set_num_threads(threads)
    return engine


def _gguf(source: Source, dtype: str, threads: int, device: str) -> Engine:
    from aigc_text.engines.gguf import Gguf

    return Gguf.open(source.gguf or converted("gguf", source, dtype) / "model.gguf", threads)


def _ct2(source: Source, dtype: str, threads: int, device: str) -> Engine:
    from aigc_text.engines.ct2 import Ct2

    assert source.shape is not None
    return Ct2.open(converted("ct2", source, dtype), source.shape, threads)


def converted(engine: str, source: Source, dtype: str) -> Path:
    """Return the folder with a decoder's weights as an engine of another program wants them; made once, and kept.

    Raises ``NotAvailable`` where the program has no such architecture, or the disk no room.
    """
    from aigc_text.engines import ct2, ct2_write, gguf_file, gguf_write
    from aigc_text.engines.kept import kept, key

    assert source.shape is not None
    shape = source.shape
    module, library = (gguf_write, gguf_file.library()) if engine == "gguf" else (ct2_write, ct2.library())
    if reason := module.misfit(shape):
        raise NotAvailable(f"{reason[0].upper()}{reason[1:]}.", "Try: --engine native")

    def make(folder: Path) -> None:
        place = folder / "model.gguf" if engine == "gguf" else folder
        module.write(place, shape, source.tensors().float32, dtype)

    return kept(engine, key(source.weights, shape, dtype, f"{module.CONVERTER}, {library.__version__}"), make)


def _transformers(source: Source, dtype: str, threads: int, device: str) -> Engine:
    from aigc_text.engines.transformers import Transformers

    return Transformers.open(source.config, source.weights, threads)


_OPENERS: dict[str, Callable[[Source, str, int, str], Engine]] = {
    "native": _native, "compiled": _compiled, "gguf": _gguf, "ct2": _ct2, "transformers": _transformers,
}  # fmt: skip
