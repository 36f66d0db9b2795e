"""What a training says while it goes: its logs, its events, its warnings; on the first rank alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aigc_core.train.log import Log
from aigc_core.train.monitors import Watch

Tell = Callable[[dict[str, Any]], None]


class Telling:
    """Writes ``losses.jsonl`` and ``events.jsonl`` in the run's folder, and passes events and warnings on.

    The first holds nothing but steps and losses, so that it is equal however often a run is stopped; times go into the
    second. ``tell`` hears the events that ``zoo_event`` documents.
    """

    def __init__(self, folder: Path, tell: Tell, watch: Watch, first: bool) -> None:
        self.folder, self.watch, self.first, self._hear = folder, watch, first, tell
        self.losses = Log(folder / "losses.jsonl") if first else None
        self.events = Log(folder / "events.jsonl") if first else None

    def begin(self, step: int, seconds: float) -> None:
        """Start the clock at a step; ``seconds`` is what went before."""
        self._began = time.perf_counter() - seconds
        self._mark, self._speed = (step, time.perf_counter()), 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training in all, over every resumption."""
        return time.perf_counter() - self._began

    def write(self, step: int, losses: Mapping[str, float]) -> None:
        """Put losses into the log, and tell of them with the speed since the last time."""
        if self.losses:
            self.losses.append({"step": step, "losses": _known(losses)})
        since, at = self._mark
        if step > since:  # not the second time after one step, when that was evaluated
            now = time.perf_counter()
            self._mark, self._speed = (step, now), (step - since) / max(now - at, 1e-9)
        self.say("train-losses", step, losses=dict(losses), seconds=self.seconds, steps_per_second=self._speed)

    def diagnose(self, step: int, values: Mapping[str, float], histograms: Mapping[str, Any]) -> None:
        """Tell what a trainer showed of a step beside its losses."""
        self.say("train-diagnostics", step, values=dict(values), histograms=dict(histograms))

    def warn(self, kind: str, step: int, text: str) -> None:
        """Pass a warning on, once; an empty text is none. Raises ``CheckFailed`` in strict mode."""
        known = len(self.watch.said)
        if self.first:
            self.watch.say(kind, text)
        if len(self.watch.said) > known:
            self.say("train-warning", step, text=text)

    def say(self, kind: str, step: int, **rest: Any) -> None:
        """Pass an event on."""
        if not self.events:
            return
        if kind not in ("train-begin", "train-end"):
            told = {name: value for name, value in rest.items() if name != "losses"}
            if "values" in told:
                told["values"] = _known(told["values"])
            self.events.append({"kind": kind, "step": step, **told, "time": round(time.time(), 3)})
        self._hear({"kind": kind, "run": str(self.folder), "step": step, **rest})

    def close(self) -> None:
        """Close the logs."""
        for log in filter(None, (self.losses, self.events)):
            log.close()


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return numbers as JSON can hold them: None for one that is not finite."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
