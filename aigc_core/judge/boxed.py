"""A candidate's code in the sandbox: what it is shown, what it may use, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aigc_core.hub import cache
from aigc_core.judge.budget import limits
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.settings import Settings
from aigc_core.sandbox.collect import Came, collect
from aigc_core.sandbox.folder import private_folder
from aigc_core.sandbox.limits import View
from aigc_core.sandbox.run import Ended, run


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
    assert entry.manifest is not None
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
        ended = run(command, view, limits(entry.manifest, settings), settings.backend, settings.stop)
        came = collect(view.out)
        yield Boxed(ended, came, _said(came))


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
