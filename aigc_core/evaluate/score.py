"""A score: a number with what it is of, how sure it is, and what real data would have got in the samples' place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aigc_core.evaluate.identity import Identity
from aigc_core.interfaces.metric import Direction

_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The 0.975 quantile of Student's t with 1, 2, ... degrees of freedom."""
NORMAL = 1.959964
"""That of the normal distribution."""


class Score(NamedTuple):
    """One number of one metric, over seeds."""

    id: Identity
    value: float | None
    """The mean over seeds; None where a seed has none, and ``why`` says the reason."""
    direction: Direction
    by_seed: Mapping[int, float | None]
    floor: float | None = None
    """What real data get in the samples' place: no model can be expected to be better. None where there is none."""
    why: str = ""
    """Why there is no value, or what is suspect of it."""
    details: Mapping[str, Any] = {}
    """The metric's evidence for the first seed."""
    settings: Mapping[str, Any] = {}
    """What else the samples depend on: options, threads, versions."""

    @property
    def spread(self) -> float | None:
        """The standard deviation over seeds; None of one seed."""
        found = self._values
        if self.value is None or len(found) < 2:
            return None
        return math.sqrt(math.fsum((each - self.value) ** 2 for each in found) / (len(found) - 1))

    @property
    def error(self) -> float | None:
        """The standard error over held-out items, of a likelihood, which no seed changes; None of other scores."""
        errors = self.details.get("errors")
        found = errors.get(self.id.metric.partition(":")[2].rpartition(".")[2]) if isinstance(errors, Mapping) else None
        return float(found) if self.value is not None and isinstance(found, (int, float)) else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean over seeds, by Student's t: what other seeds would give, of this one model."""
        if self.value is None or self.spread is None:
            return None
        half = quantile(len(self._values) - 1) * self.spread / math.sqrt(len(self._values))
        return self.value - half, self.value + half

    @property
    def _values(self) -> list[float]:
        return [each for each in self.by_seed.values() if each is not None]

    def facts(self) -> dict[str, Any]:
        """Return the score as JSON holds it."""
        return {
            "id": str(self.id),
            "metric": self.id.metric,
            "value": self.value,
            "direction": self.direction,
            "n": self.id.n,
            "seeds": [*self.by_seed],
            "by_seed": [*self.by_seed.values()],
            "spread": self.spread,
            "interval": None if self.interval is None else [*self.interval],
            "floor": self.floor,
            "why": self.why,
            "details": dict(self.details),
            "settings": dict(self.settings),
        }

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Score:
        """Return the score that ``facts`` gave. Raises ``WrongUse`` where the id is none."""
        by_seed = dict(zip(facts["seeds"], facts["by_seed"], strict=True))
        rest = {name: facts[name] for name in ("value", "direction", "floor", "why", "details", "settings")}
        return cls(Identity.parse(facts["id"]), by_seed=by_seed, **rest)


def quantile(degrees: int) -> float:
    """Return the 0.975 quantile of Student's t; from ten degrees of freedom on by Cornish and Fisher's expansion."""
    if degrees <= len(_T):
        return _T[degrees - 1]
    return (
        NORMAL
        + (NORMAL**3 + NORMAL) / (4 * degrees)
        + (5 * NORMAL**5 + 16 * NORMAL**3 + 3 * NORMAL) / (96 * degrees**2)
    )


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean; None where a value is missing."""
    known = [each for each in values if each is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None
