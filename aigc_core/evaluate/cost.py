"""What a model costs, in a process of its own: ``python -m aigc_core.evaluate.cost MODEL DEVICE COUNT OPTIONS``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from aigc_core.errors import NotAvailable


def measured(name: str, device: str, count: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``first_sample_s``, ``samples_s``, ``samples`` and ``peak_bytes`` of a fresh process.

    The first sample's time begins before the interpreter starts. Raises ``NotAvailable`` where the process fails.
    """
    words = [sys.executable, "-m", "aigc_core.evaluate.cost", name, device, str(count), json.dumps(dict(options))]
    began = time.time()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise NotAvailable(f"The cost of {name} could not be measured: {last}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["first_sample_s"] -= began
    return found


def _measure(name: str, device: str, count: int, options: Mapping[str, Any]) -> dict[str, Any]:
    import resource

    from aigc_core import load

    model = load(name, device)
    next(model.stream([0], **options))
    first = time.time()
    made = sum(len(part.values) for part in model.stream(range(count), **options))
    wall = time.time() - first
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"first_sample_s": first, "samples_s": wall, "samples": made, "peak_bytes": peak}


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))))
