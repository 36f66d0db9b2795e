"""What runs inside the sandbox: loads one model, makes what it is asked for, writes numbers. Nothing else is believed.

``python -m aigc_core.judge.worker JSON OUT``. The JSON names the manifest, the verified files and the jobs; ``OUT``
gets ``said.json``, rewritten before each job, so that a crash leaves what was done, and the samples as safetensors.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aigc_core.registry import Entry
    from aigc_core.run.model import Model


def main(asked: dict[str, Any], out: str) -> int:
    """Do every job; return the exit code: 0, or 1 where one could not be done. ``said.json`` tells which, and why."""
    from aigc_core.errors import ZooError

    said: dict[str, Any] = {"done": {}, "stage": "start", "environment": {}, "error": None}
    try:
        for name, job in (("load", _load), ("samples", _samples), ("golden", _golden), ("conformance", _conformance)):
            if name in asked["jobs"]:
                said["stage"] = name
                _say(said, out)
                began = time.perf_counter()
                job(asked, out, said)
                said["done"][name] = round(time.perf_counter() - began, 3)
    except ZooError as error:
        said["error"] = {"text": str(error)[:2000], "hint": error.hint[:500]}
        return 1
    finally:
        _say(said, out)
    return 0


def _say(said: dict[str, Any], out: str) -> None:
    with open(os.path.join(out, "said.json"), "w", encoding="utf-8") as stream:
        json.dump(said, stream)


def _entry(asked: dict[str, Any]) -> Entry:
    from aigc_core import discovery
    from aigc_core.manifest.model import ModelManifest
    from aigc_core.registry import Entry, judged

    manifest = ModelManifest.read(asked["manifest"])
    plugin = discovery.find(manifest.plugin)
    entry = Entry(manifest.id, asked["manifest"], asked["folder"], manifest, plugin, asked["origin"], "broken")
    return judged(entry)


_models: list[Model] = []


def _load(asked: dict[str, Any], out: str, said: dict[str, Any]) -> None:
    import torch

    from aigc_core.run import receipt
    from aigc_core.run.load import open_entry

    torch.set_num_threads(asked["threads"])
    entry = _entry(asked)
    if entry.state not in ("ready", "not fetched"):  # its files are here, wherever they lie
        raise entry.error()
    _models[:] = [open_entry(entry, {name: Path(path) for name, path in asked["files"].items()}, "cpu")]
    said["environment"] = {name: str(value) for name, value in receipt.environment(_models[0]).items()}


def _samples(asked: dict[str, Any], out: str, said: dict[str, Any]) -> None:
    """Make the samples of each seed, then the first few of the first seed again, and once more in smaller batches."""
    from aigc_core.run.batches import batch_shape

    (model,) = _models
    size = batch_shape(model.manifest, asked["count"])
    for seed in asked["seeds"]:
        _write(model, f"{out}/samples-{seed}.safetensors", asked["count"], seed, size, asked["options"])
    few = min(asked["count"], asked["few"])
    _write(model, f"{out}/again.safetensors", few, asked["seeds"][0], size, asked["options"])
    _write(model, f"{out}/alone.safetensors", few, asked["seeds"][0], 1, asked["options"])


def _write(model: Model, path: str, count: int, seed: int, size: int, options: dict[str, Any]) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    samples = model.generate(count, seed=seed, batch_size=size, **options)
    if samples.kind == "text":
        texts = [text.encode() for text in samples.values]
        lengths = np.array([len(text) for text in texts], np.int64)
        save_file({"bytes": np.frombuffer(b"".join(texts), np.uint8), "lengths": lengths}, path)
    else:
        save_file({"values": np.ascontiguousarray(samples.values)}, path)


def _golden(asked: dict[str, Any], out: str, said: dict[str, Any]) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    from aigc_core.golden.case import cases
    from aigc_core.golden.made import made

    (model,) = _models
    for case in cases(model.entry):
        found = {name: np.ascontiguousarray(value) for name, value in made(model, case).items()}
        save_file(found, f"{out}/golden-{case.number}.safetensors")


def _conformance(asked: dict[str, Any], out: str, said: dict[str, Any]) -> None:
    from aigc_core.manifest.model import ModelManifest
    from aigc_core.testing import judge_plugin

    manifest = ModelManifest.read(asked["manifest"])
    found = judge_plugin(manifest.plugin, [manifest.id])
    with open(os.path.join(out, "clauses.json"), "w", encoding="utf-8") as stream:
        json.dump({"findings": [each._asdict() for each in found]}, stream, default=str)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2]))
