"""How far a model's own numbers are apart: in fresh processes, on 1 and 2 threads, one by one and all, in float64."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import CheckFailed, NotAvailable, ZooError

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.model import Model

SECONDS = 3600
"""A process that takes longer is stopped."""


class Asked(NamedTuple):
    """What one process computes."""

    model: str
    """The name of a model that can be run."""
    noise: str
    """Path of the stored noise; empty for a language model."""
    options: dict[str, Any]
    folder: str
    """Where the outputs go."""
    label: str
    threads: int
    ways: list[str]
    """``all`` (every sample at once), ``one`` (one at a time), ``float64``."""


PROCESSES = (("1 thread", 1, ["all", "one", "float64"]), ("again", 1, ["all"]), ("2 threads", 2, ["all", "one"]))
"""Label, threads and ways of each fresh process; the first way of the first is what is stored."""


def run(model: str, noise: str, options: dict[str, Any], folder: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return every variant's arrays by its name, the stored one first, and the environment.

    Raises ``NotAvailable`` where the model cannot be run, ``CheckFailed`` where one process ends by itself.
    """
    found: dict[str, Any] = {}
    environment: dict[str, str] = {}
    for label, threads, ways in PROCESSES:
        told = _process(Asked(model, noise, options, folder, label, threads, list(ways)))
        environment = environment or told["environment"]
        from safetensors.numpy import load_file

        found |= {name: load_file(path) for name, path in told["outputs"].items()}
    return found, environment


def _process(asked: Asked) -> dict[str, Any]:
    threads = {name: str(asked.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    command = [sys.executable, "-m", "aigc_core.golden"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(asked._asdict()),
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, **threads},
            timeout=SECONDS,
            check=False,
        )
        told: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise CheckFailed(f"{asked.model} has not come to an end in {SECONDS} s ({asked.label}).") from None
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise CheckFailed(f"{asked.model} could not be measured ({asked.label}): {last}.") from None
    if "error" in told:
        raise NotAvailable(told["error"], told["hint"])
    return told


def variants(asked: Asked) -> dict[str, Any]:
    """Compute in this process; return where each variant's arrays are and what computed, or the error."""
    import torch
    from safetensors.numpy import save_file

    torch.set_num_threads(asked.threads)
    try:
        outputs = {}
        for way in asked.ways:
            if (found := _computed(asked, way)) is None:
                continue
            name = asked.label if way == "all" else f"{asked.label}, {_NAMES[way]}"
            outputs[name] = os.path.join(asked.folder, f"{name.replace(' ', '-').replace(',', '')}.safetensors")
            save_file({key: values.copy() for key, values in found.items()}, outputs[name])
    except ZooError as error:
        return {"error": str(error), "hint": error.hint}
    return {"outputs": outputs, "environment": _environment(_open(asked))}


_NAMES = {"one": "one at a time", "float64": "float64"}


def _open(asked: Asked) -> Model:
    from aigc_core.run.load import Computing as Chosen
    from aigc_core.run.load import fetch, generator_class, has_engines, open_entry, resolve

    entry = resolve(asked.model)
    chosen = Chosen(threads=asked.threads) if has_engines(generator_class(entry)) else Chosen()
    return open_entry(entry, fetch(entry), "cpu", chosen)


def _computed(asked: Asked, way: str) -> dict[str, np.ndarray] | None:
    """Return one variant's arrays; None where there is none."""
    from safetensors.numpy import load_file

    from aigc_core.golden import made
    from aigc_core.golden.precise import in_float64

    model = _open(asked)
    if way == "float64":
        return _in_float64(asked, model) if in_float64(model.generator) else None
    if model.language is not None:
        return made.spoken(model, asked.options) if way == "all" else None
    return made.drawn(model, load_file(asked.noise), asked.options, 1 if way == "one" else None)


def _in_float64(asked: Asked, model: Model) -> dict[str, np.ndarray] | None:
    """Compute in float64; None where the plugin's own code does not bear it."""
    import numpy as np
    from safetensors.numpy import load_file

    from aigc_core.golden import made

    try:
        if model.language is not None:
            return made.spoken(model, asked.options)
        noise = model.taken(load_file(asked.noise), "The noise")
        samples = model.generator.generate(noise, model._asked("generate", dict(asked.options)))
        return {"images": samples.values.astype(np.float64)} if samples.kind == "image" else None
    except Exception:  # whatever code that was made for float32 does when its network answers in another type
        return None


def _environment(model: Model) -> dict[str, str]:
    from aigc_core.run.receipt import environment

    return {name: str(value) for name, value in environment(model).items() if name != "threads"}
