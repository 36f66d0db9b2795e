"""How a visit to the sandbox ended, and what the worker says of where it computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigc_core.findings import Finding
from aigc_core.judge.boxed import Boxed
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.lines import line, printable
from aigc_core.sandbox.verdict import VERDICTS

_STAGES = ("start", "load", "samples", "golden", "conformance")
"""What the worker can say that it was at; it runs beside the model's code, so any other word is that code's."""


def environment(visit: Boxed) -> dict[str, str]:
    """Return what the worker says that computed: short texts by name."""
    said = visit.said.get("environment")
    pairs = said.items() if isinstance(said, dict) else ()
    return {line(name)[:50]: line(value)[:100] for name, value in list(pairs)[:30]}


def ending(candidate: Candidate, visit: Boxed) -> Iterator[Finding]:
    """Yield how the visit ended; a failure is named after the verdict, and says at what stage it came."""
    ended, error = visit.ended, visit.said.get("error")
    details = {
        "verdict": ended.verdict, "seconds": ended.seconds, "cpu_s": ended.cpu_s, "peak_mb": ended.peak_mb,
        "stages": _stages(visit.said.get("done")),
    }  # fmt: skip
    said = visit.said.get("stage")
    stage = said if said in _STAGES else _STAGES[0]
    if ended.verdict == "crashed" and isinstance(error, dict):
        text, hint = line(error.get("text"))[:2000], line(error.get("hint"))[:500]
        yield Finding(f"sandbox/{stage}", candidate.id, "failed", text, hint, details, ended.seconds)
    elif not ended.fine:
        details["said"] = printable(ended.said)[-2000:]
        text = f"At the stage {stage}: {ended.text}"
        yield Finding(
            f"sandbox/{ended.verdict}",
            candidate.id,
            "failed",
            text,
            _HINTS.get(ended.verdict, ""),
            details,
            ended.seconds,
        )
    else:
        yield Finding("sandbox/finished", candidate.id, "passed", "", "", details, ended.seconds)
    if visit.came.refused:
        text = f"Its output folder holds what was not taken: {'; '.join(visit.came.refused[:5])}."
        yield Finding("sandbox/output", candidate.id, "failed", text, "Leave the output folder to the judge.")


def _stages(said: Any) -> dict[str, float]:
    """Return the seconds of each stage, by the worker's word."""
    known = said if isinstance(said, dict) else {}
    return {name: known[name] for name in _STAGES if isinstance(known.get(name), float)}


_HINTS = {
    "time": "Make it faster, or raise budget.seconds in its manifest.",
    "memory": "Make it smaller, or raise budget.memory_mb in its manifest.",
    "daemon": "End every process and thread that the code starts.",
    "sandbox": "Look at the machine, not at the model.",
}
assert not _HINTS.keys() - VERDICTS.keys()
