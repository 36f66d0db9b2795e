"""A candidate's code in the sandbox: what it is shown, what it may use, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aigc_core.hub import cache
from aigc_core.judge.candidate import Candidate
from aigc_core.sandbox.choose import Backend
from aigc_core.sandbox.collect import Came, collect
from aigc_core.sandbox.folder import private_folder
from aigc_core.sandbox.limits import Limits, View
from aigc_core.sandbox.run import Ended, run

_SECONDS, _MEMORY_MB = 120, 2048
"""Budget of a model whose manifest states none."""
_START_S, _START_MB = 30, 700
"""What Python, torch and a plugin's imports take before a model is there."""
_SAMPLES_MB = 1024


class Settings(NamedTuple):
    """What every model is asked for, and by what it is held."""

    backend: Backend
    samples: int = 64
    """Samples of each seed."""
    seeds: tuple[int, ...] = (0,)
    threads: int = 1
    few: int = 8
    """So many samples are made again, and once more one at a time."""
    most_s: float = 0
    """The most seconds that a model may compute, or do nothing, whatever its manifest says; 0 for what that says."""
    trusted: tuple[str, ...] = ()
    """Plugins whose code somebody has read: it may run in a weaker sandbox, and as a metric outside of one."""
    data: Mapping[str, str] = {}
    """Where data sets lie, by the names that recipes have for them."""
    stop: threading.Event | None = None
    """Set where the user wants no more: every sandbox ends."""


class Boxed(NamedTuple):
    """One visit to the sandbox."""

    ended: Ended
    came: Came
    said: Mapping[str, Any]
    """What the worker wrote of itself: shown, never relied on."""


@contextlib.contextmanager
def boxed(candidate: Candidate, files: Mapping[str, Path], jobs: Sequence[str], settings: Settings) -> Iterator[Boxed]:
    """Run the worker's jobs on a candidate in a sandbox; the files that came are there until the block ends."""
    entry = candidate.entry
    asked = {
        "jobs": list(jobs),
        "manifest": entry.path,
        "folder": entry.folder,
        "origin": entry.origin,
        "files": {name: str(path) for name, path in files.items()},
        "count": settings.samples,
        "seeds": list(settings.seeds),
        "few": settings.few,
        "threads": settings.threads,
        "options": {},
    }
    with private_folder() as folder:
        weights = {str(path) for path in files.values()} | {os.path.realpath(path) for path in files.values()}
        seen = (*candidate.readable, *sorted(weights), *candidate.cached)
        hidden = tuple(candidate.answers) if "golden" in jobs else ()
        view = View(seen, folder, environment(candidate, folder, settings.threads), hidden)
        command = [sys.executable, "-s", "-m", "aigc_core.judge.worker", json.dumps(asked), view.out]
        ended = run(command, view, limits(candidate, settings), settings.backend, settings.stop)
        came = collect(view.out)
        yield Boxed(ended, came, _said(came))


def limits(candidate: Candidate, settings: Settings) -> Limits:
    """Return what a candidate may use: the budget of its manifest, with room for what every model needs."""
    assert candidate.entry.manifest is not None
    budget = candidate.entry.manifest.document.get("budget") or {}
    seconds, memory = float(budget.get("seconds", _SECONDS)), int(budget.get("memory_mb", _MEMORY_MB))
    seconds = min(seconds, settings.most_s or seconds)
    return Limits(
        idle_s=seconds,
        cpu_s=int(_START_S + seconds * settings.threads),
        memory_mb=_START_MB + memory,
        output_mb=_SAMPLES_MB,
        file_mb=_SAMPLES_MB,
    )


def environment(candidate: Candidate, folder: str, threads: int) -> dict[str, str]:
    """Return the environment inside."""
    return {
        "PYTHONPATH": os.pathsep.join(candidate.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "AIGC_ZOO_HOME": f"{folder}/home/zoo",
        "HF_HOME": f"{folder}/home/hf",
        **({"HF_HUB_CACHE": cache.root()} if candidate.cached else {}),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        **{name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
    }


def _said(came: Came) -> Mapping[str, Any]:
    from aigc_core.errors import Refused

    try:
        return came.document("said.json")
    except Refused:
        return {}
