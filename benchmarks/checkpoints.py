"""The model of every checkpoint of a run, as it would have shipped: so the best of a run is told beside its end.

``python -m benchmarks.checkpoints RUN OUT [--data PATH]`` writes the folders ``OUT/step-00001000`` and so on, which
every command takes for a model; those that are there already are left. Train with ``--set checkpoint.keep=1000``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aigc_core.train import checkpoint
from aigc_core.train.begin import data_path, settle_threads, taken_up
from aigc_core.train.build import component
from aigc_core.train.data.read import read
from aigc_core.train.export import export
from aigc_core.train.training import Training
from aigc_core.verified import sha256_of


def write(training: Training, place: Path, target: Path) -> None:
    """Write the model of the checkpoint in ``place`` into ``target``."""
    from safetensors.torch import load_file

    listed = json.loads((place / checkpoint.MANIFEST).read_text("utf-8"))["files"]
    assert all(sha256_of(str(place / name)) == facts["sha256"] for name, facts in listed.items()), f"{place} is damaged"
    state = json.loads((place / checkpoint.STATE).read_text("utf-8"))
    training.load_state(load_file(place / checkpoint.TENSORS), state["training"])
    model = training.copied()
    training.trainer.finish(model, training.recipe["seed"])
    found = state["record"]["environment"]
    record = state["record"] | {name: found[name] for name in ("torch", "threads", "instructions")}
    record |= {"seed": training.recipe["seed"], "steps": training.step}
    target.mkdir(parents=True)
    export(model, training.recipe, training.model_role, training.data.facts, record, target, training.beside)


def main() -> None:
    """Write the folders."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoints", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the training")
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", help="where the data are [default: where the run had them]")
    given = parser.parse_args()
    folder, recipe, asked = taken_up(str(given.run), [])
    settle_threads(recipe)
    path = data_path(recipe, given.data or asked.data)
    training = Training(recipe, read(recipe["data"], path, lambda use: component("datasets", use)))
    for step in checkpoint.steps(folder / "checkpoints"):
        name = f"step-{step:08}"
        if not (given.out / name).exists():
            write(training, folder / "checkpoints" / name, given.out / name)
            print(given.out / name)


if __name__ == "__main__":
    main()
