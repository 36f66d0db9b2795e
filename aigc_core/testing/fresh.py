"""A fresh process of one of this package's modules, which writes down as JSON what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from aigc_core.errors import CheckFailed

_SECONDS = 600


def found(
    module: str, name: str, folder: str, what: str, environment: Mapping[str, str] = os.environ
) -> tuple[Any, str]:
    """Run ``python -m module NAME RESULT`` with what can be imported here; return its JSON and its standard output.

    RESULT is a file in ``folder``; ``what`` says what the process uses. Raises ``CheckFailed`` with the last words of
    one that ends early.
    """
    result = os.path.join(folder, "found.json")
    done = subprocess.run(
        [sys.executable, "-m", module, name, result],
        env={**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode or not os.path.exists(result):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CheckFailed(f"A fresh process that used {what} ended with {done.returncode}: {last}")
    with open(result, encoding="utf-8") as stream:
        return json.load(stream), done.stdout
