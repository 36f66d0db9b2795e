"""Which engine computes: the one that is named, or the fastest that is installed and can, as was measured.

``benchmarks/RESULTS.md`` has the figures behind the order; ``python -m benchmarks.text`` measures them again.
"""

from __future__ import annotations

from aigc_core.errors import WrongUse, did_you_mean
from aigc_text.engines.engine import Engine
from aigc_text.engines.opening import ENGINES, opened
from aigc_text.engines.sources import Source


class Chosen:
    """The engines of one model: one that computes token by token, and what else is faster when needed."""

    def __init__(self, source: Source, engine: str, dtype: str, threads: int, device: str) -> None:
        """Raise ``WrongUse`` for an engine or type that nobody has, or that do not go together."""
        types = sorted({kind for kinds in ENGINES.values() for kind in kinds})
        if engine not in ("auto", *ENGINES):
            raise WrongUse(
                f"There is no engine {engine}.{did_you_mean(engine, list(ENGINES))}", _listed("auto", *ENGINES)
            )
        if dtype not in ("auto", *types):
            raise WrongUse(f"There is no type {dtype}.{did_you_mean(dtype, types)}", _listed("auto", *types))
        self._source, self._engine, self._threads, self._device = source, engine, threads, device
        self._dtype = "float32" if dtype == "auto" else dtype
        self._opened: dict[str, Engine] = {}
        self._last = self.stepping().name

    @classmethod
    def of(cls, engine: Engine) -> Chosen:
        """Return the choice of the one engine that there is."""
        chosen = cls.__new__(cls)
        chosen._engine = chosen._last = engine.name
        chosen._opened = {engine.name: engine}
        return chosen

    @property
    def context(self) -> int:
        """How many tokens a text can have, by whichever engine; 0 where there is no bound."""
        return self.stepping().context

    @property
    def last(self) -> Engine:
        """The engine that computed last, or was opened first."""
        return self._opened[self._last]

    def stepping(self) -> Engine:
        """Return the engine that computes token by token."""
        return self._open(self._usual() if self._engine == "auto" else self._engine)

    def scoring(self) -> Engine:
        """Return the engine that computes all logits of a text."""
        return self.stepping()

    def writing(self, rows: int, plain: bool) -> Engine:
        """Return the engine for so many whole texts; ``plain`` ones, which are greedy, can be written by any."""
        return self._open("ct2") if self._engine == "auto" and plain and self._writes(rows) else self.stepping()

    def _usual(self) -> str:
        if self._source.gguf:
            return "gguf"
        return "native" if self._source.shape else "transformers"

    def _writes(self, rows: int) -> bool:
        return False

    def _open(self, name: str) -> Engine:
        if name not in self._opened:
            self._opened[name] = opened(name, self._source, self._dtype, self._threads, self._device)
        self._last = name
        return self._opened[name]


def _listed(*names: str) -> str:
    return f"Choose from: {', '.join(names)}."
