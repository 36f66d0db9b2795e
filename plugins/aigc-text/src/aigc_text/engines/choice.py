"""Which engine computes: the one that is named, or the fastest that is installed and exact, as was measured.

``benchmarks/RESULTS.md`` has the figures behind the order; ``python -m benchmarks.text`` measures them again.
"""

from __future__ import annotations

from importlib.util import find_spec

from aigc_core.errors import WrongUse, did_you_mean
from aigc_text.engines.engine import Engine
from aigc_text.engines.opening import ENGINES, opened
from aigc_text.engines.sources import Source


class Chosen:
    """The engines of one model, opened when they are first needed; ``last`` is the one that computed last."""

    def __init__(self, source: Source, engine: str, dtype: str, threads: int, device: str) -> None:
        """Raise ``WrongUse`` for an engine or type that nobody has, or that do not go together, ``Refused`` where the
        files do not fit their config, and what the opening of a named engine raises."""
        _check_names(engine, dtype)
        self._source, self._engine, self._threads, self._device = source, engine, threads, device
        self._dtype = "float32" if dtype == "auto" else dtype
        self._opened: dict[str, Engine] = {}
        self._last = ""
        if engine != "auto" or source.shape is None:
            self.engine()
        else:
            source.tensors()  # only their names and sizes are looked at

    @property
    def last(self) -> Engine:
        """The engine that computed last, or that would compute one text."""
        return self._opened[self._last] if self._last else self.engine()

    @property
    def context(self) -> int:
        """How many tokens a text can have; 0 where there is no bound."""
        shape = self._source.shape
        return self.last.context if self._opened or shape is None else shape.context

    def engine(self, rows: int = 1) -> Engine:
        """Return the engine for so many texts at once."""
        name = self._fastest(rows) if self._engine == "auto" else self._engine
        if name not in self._opened:
            self._opened[name] = opened(name, self._source, self._dtype, self._threads, self._device)
        self._last = name
        return self._opened[name]

    def _fastest(self, rows: int) -> str:
        """llama.cpp reads weights fastest for one text, the native engine computes fastest for several."""
        from aigc_text.engines.gguf_write import exact, misfit

        shape = self._source.shape
        if shape is None:
            return "gguf" if self._source.gguf else "transformers"
        fits = self._device == "cpu" and self._dtype in ENGINES["gguf"] and exact(shape) and not misfit(shape)
        return "gguf" if rows == 1 and fits and not shape.window and _installed() else "native"


class Only:
    """The one engine of a model that no other can compute."""

    def __init__(self, engine: Engine) -> None:
        self.last, self.context = engine, engine.context

    def engine(self, rows: int = 1) -> Engine:
        """Return it, whatever is asked."""
        return self.last


def _installed() -> bool:
    return all(find_spec(package) for package in ("llama_cpp", "gguf"))


def _check_names(engine: str, dtype: str) -> None:
    types = sorted({kind for kinds in ENGINES.values() for kind in kinds})
    for what, given, known in (("engine", engine, list(ENGINES)), ("type", dtype, types)):
        if given not in ("auto", *known):
            hint = f"Choose from: {', '.join(['auto', *known])}."
            raise WrongUse(f"There is no {what} {given}.{did_you_mean(given, known)}", hint)
