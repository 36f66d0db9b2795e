"""The long runs whose results are kept: nanoGPT's recipe for a CPU, and names.

``python -m benchmarks.recipes`` takes an hour or so on one core; ``--steps 50 --to DIR`` looks whether it works. Names
are run twice: cut as makemore cuts them, rows at random, so that 2,539 names that stand there twice may be on both
sides, and as the recipe cuts them, by what a row holds, so that no name is. Each run's record goes to
``benchmarks/records/NAME-seedN.json``, with the command; the tables beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.recipes_table import table
from benchmarks.rounds import process

RECORDS = Path(__file__).with_name("records")
BARE = ("evaluate.every=0", "samples.every=0", "checkpoint.every=0")
SINGLE = {**os.environ, "OMP_NUM_THREADS": "1"}


class Long(NamedTuple):
    """One recipe of which there are records."""

    recipe: str
    data: str
    seeds: tuple[int, ...]
    judged: tuple[str, str]
    """Where in the record the loss is."""
    nanogpt: bool
    cut: str = ""
    """``makemore`` where the rows are cut as it does, in the place of the recipe's own split."""

    @property
    def name(self) -> str:
        """What its records are called."""
        return f"{self.recipe}-{self.cut}" if self.cut else self.recipe


RUNS = (
    Long(
        "char-shakespeare",
        "../shared/data/tinyshakespeare.txt",
        (1337, 1, 2),
        ("validation", "validation/decoder/loss"),
        True,
    ),
    Long("names", "../shared/data/names.txt", (3407, 1, 2), ("test", "test/decoder/loss"), False, "makemore"),
    Long("names", "../shared/data/names.txt", (3407,), ("test", "test/decoder/loss"), False),
)


def main() -> None:
    """Run what is asked for, and write records and tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"Of {', '.join(long.name for long in RUNS)}; all of them.")
    parser.add_argument("--data", help="Where the data of the one recipe that is named lie.")
    parser.add_argument("--steps", type=int, help="Shorter runs, whose records say so; needs --to.")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--to", type=Path, default=RECORDS, help="The folder for records and tables.")
    given = parser.parse_args()
    if given.steps and given.to == RECORDS:
        parser.error("--steps is for a try: say --to, another folder than that of the records")
    if given.data and len(given.names) != 1:
        parser.error("--data is that of one recipe: name it")
    given.to.mkdir(parents=True, exist_ok=True)
    for long in RUNS:
        if not given.names or long.name in given.names:
            changed = long._replace(data=given.data or long.data, seeds=tuple(given.seeds or long.seeds))
            lines = table(
                changed.name,
                changed.judged,
                changed.nanogpt,
                [_run(changed, seed, given.steps, given.to) for seed in changed.seeds],
            )
            text = "\n".join(lines) + "\n"
            (given.to / f"{long.name}.md").write_text(text, encoding="utf-8")
            print(text)


def _run(long: Long, seed: int, steps: int | None, to: Path) -> dict[str, Any]:
    """Train with one seed; return the record with what was measured beside it, and keep it."""
    with tempfile.TemporaryDirectory() as folder:
        data, changes = _cut(long, folder)
        asked = ["train", long.recipe, "--data", data, "--seed", str(seed), *changes]
        asked += ["--steps", str(steps)] if steps else []
        measured: dict[str, Any] = {"command": _said(asked)}
        out = f"{folder}/run"
        cost = process([sys.executable, "-m", "aigc_core", *asked, "--out", out, "--quiet"], SINGLE)
        record = json.loads(Path(out, "record.json").read_text(encoding="utf-8"))
        measured |= {"process_cpu_seconds": round(cost.cpu, 1), "process_wall_seconds": round(cost.wall, 1)}
        if long.nanogpt:
            measured |= _beside(long, seed, steps, folder, record) | {"estimate": _estimate(out, long.data)}
    kept = measured | {"record": record}
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    (to / f"{long.name}-seed{seed}.json").write_text(text, encoding="utf-8")
    return kept


def _cut(long: Long, folder: str) -> tuple[str, list[str]]:
    """Return the data and what of the recipe is changed for them: the last 1,000 rows of makemore's order judge."""
    if not long.cut:
        return long.data, []
    import torch

    rows = [row for row in map(str.strip, Path(long.data).read_text(encoding="utf-8").splitlines()) if row]
    torch.manual_seed(3407)  # makemore's own
    text = "".join(f"{rows[place]}\n" for place in torch.randperm(len(rows)).tolist())
    mixed = Path(folder, "names-mixed.txt")
    mixed.write_text(text, encoding="utf-8")
    split = {"by": "position", "test": 1000 / len(rows)}
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return str(mixed), ["--set", f"data.split={json.dumps(split)}", "--set", f"data.sha256={sha256}"]


def _said(asked: Sequence[str]) -> str:
    """Return a command as anyone may type it: data by their file's name, wherever they lie here."""
    return shlex.join(["aigc-zoo", *(Path(word).name if "/" in word else word for word in asked), "--out", "DIR"])


def _beside(long: Long, seed: int, steps: int | None, folder: str, record: dict[str, Any]) -> dict[str, Any]:
    """Run the same training with its only evaluation at the end, ours and a plain loop; return what both took."""
    shorter = ["--steps", str(steps)] if steps else []
    changes = [word for change in BARE for word in ("--set", change)]
    asked = ["train", long.recipe, "--data", long.data, "--seed", str(seed), *shorter, *changes]
    cost = process([sys.executable, "-m", "aigc_core", *asked, "--out", f"{folder}/bare", "--quiet"], SINGLE)
    again = json.loads(Path(folder, "bare", "record.json").read_text(encoding="utf-8"))
    part, key = long.judged
    if again[part][key] != record[part][key]:
        raise RuntimeError(f"seed {seed}: {key} is {record[part][key]}, with other intervals {again[part][key]}")
    with tempfile.TemporaryFile("w+") as output:
        plain = [sys.executable, "-m", "benchmarks.recipes_plain", "--data", long.data, "--seed", str(seed), *shorter]
        before = os.times()
        subprocess.run(plain, env=SINGLE, stdout=output, check=True)
        after = os.times()
        output.seek(0)
        loss = json.loads(output.read())["loss"]
    took = after.children_user + after.children_system - before.children_user - before.children_system
    return {"end_only_cpu_seconds": round(cost.cpu, 1), "plain_cpu_seconds": round(took, 1), "plain_loss": loss}


def _estimate(folder: str, data: str) -> float:
    """Judge a trained model as nanoGPT's ``estimate_loss``: 20 batches of 12 windows anywhere in the validation."""
    import torch
    from safetensors.torch import load_file

    from aigc_core.train.build import build, component
    from aigc_core.train.data.read import read
    from aigc_core.train.parts import Part
    from aigc_core.train.recipe import read as read_recipe
    from aigc_core.train.update import autocast, measured

    recipe = read_recipe(f"{folder}/recipe.json")
    rows = read(recipe["data"], data, lambda use: component("datasets", use))
    trainer = build(recipe, rows.facts)
    trainer.networks["decoder"].load_state_dict(load_file(f"{folder}/model.safetensors"))
    assert rows.validation is not None
    random, losses = torch.Generator().manual_seed(recipe["seed"]), []
    for _ in range(20):
        batch = rows.validation.take(torch.randint(len(rows.validation), (12,), generator=random))
        found = measured(trainer, Part(batch, {}), autocast(torch.device("cpu"), "float32"))
        losses.append(float(found["decoder/loss"]))
    return statistics.mean(losses)


if __name__ == "__main__":
    main()
