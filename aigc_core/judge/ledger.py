"""The drift ledger: a line of JSON for each judgement, appended and never changed, so that a score that moves is seen.

A score that moves although nothing of the model changed is explained by what changed around it: torch, the processor,
the threads, this core. Where nothing did, the score is not reproducible, and that is a failure.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import math
import os
from collections.abc import Mapping
from typing import Any

from aigc_core.errors import WrongUse
from aigc_core.findings import Finding
from aigc_core.judge.result import Row

FORMAT = 1
_RELATIVE = 1e-9
"""Scores that are nearer than this are one score written twice."""


def read(path: str) -> dict[str, dict[str, Any]]:
    """Return the last line of each model; an empty object where the file is not there yet.

    A last line that was cut off is passed over. Raises ``WrongUse`` where any other is no entry of a ledger.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            lines = stream.read().split("\n")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"The ledger {path} cannot be read: {error}.") from error
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line) if line else None
            if entry is not None:
                found[entry["model"]] = entry
                assert isinstance(entry["numbers"], dict)
                assert isinstance(entry["facts"], dict)
        except (ValueError, KeyError, TypeError, AssertionError):
            if number == len(lines):
                continue
            raise WrongUse(
                f"Line {number} of the ledger {path} is no entry.", "Restore it: nothing is removed from it."
            ) from None
    return found


def entry(row: Row, facts: Mapping[str, str], when: datetime.date) -> dict[str, Any]:
    """Return what the ledger keeps of a judgement; ``facts`` are what its numbers depend on, by name."""
    return {
        "ledger": FORMAT,
        "date": when.isoformat(),
        "model": row.id,
        "passed": row.report.passed,
        "numbers": dict(row.numbers),
        "facts": dict(facts),
    }


def append(path: str, entries: list[dict[str, Any]]) -> None:
    """Append lines in one write, no other process's in between. Raises ``WrongUse`` where that cannot be."""
    text = "".join(json.dumps(each, sort_keys=True, allow_nan=False) + "\n" for each in entries)
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with open(handle, "rb+", buffering=0) as stream:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            cut = size and os.pread(handle, 1, size - 1) != b"\n"  # a line that a power failure cut off stays alone
            stream.write((b"\n" if cut else b"") + text.encode())
            os.fsync(handle)
    except OSError as error:
        raise WrongUse(f"The ledger {path} cannot be written: {(error.strerror or str(error)).lower()}.") from error


def drift(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for each number of a model that is not what the ledger's last line says."""
    if before is None:
        return []
    changes = _changes(before["facts"], now["facts"])
    moved = [
        (name, before["numbers"][name], value)
        for name, value in now["numbers"].items()
        if name in before["numbers"] and not _equal(before["numbers"][name], value)
    ]
    found = []
    for name, then, value in moved:
        details = {"id": name, "then": then, "now": value, "since": before["date"], "changes": changes}
        what = f"{_short(name)} was {_short(then)} on {before['date']} and is {_short(value)} now"
        if changes:
            text = f"{what}; since then changed: {', '.join(changes)}."
            found.append(Finding(f"drift/{_short(name)}", now["model"], "passed", text, "", details))
        else:
            text = f"{what}, and nothing that it depends on has changed."
            hint = "It is not reproducible: look for a clock, a thread race or a state that is kept."
            found.append(Finding(f"drift/{_short(name)}", now["model"], "failed", text, hint, details))
    return found


def _changes(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    names = sorted({*then, *now})
    return [
        f"{name} ({_short(then.get(name, 'none'))} -> {_short(now.get(name, 'none'))})"
        for name in names
        if then.get(name) != now.get(name)
    ]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=0)
    return bool(one == other)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value).partition("@")[0]
    return text[:12] if len(text) == 64 else text[:100]
