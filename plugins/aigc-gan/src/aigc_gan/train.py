"""Train a bundled model again: ``aigc-zoo gan train dcgan-fashion --data DIR --out DIR``.

Equal recipe, thread count, torch build and instruction set give equal weights, to the bit. Each step's randomness is
seeded from (seed, step) and each epoch's order from (seed, epoch), so a run that was stopped goes on as if it had not.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import save_file

from aigc_gan.data import read
from aigc_gan.final_weights import final_weights, weights_sha256
from aigc_gan.recipe import recipe
from aigc_gan.training_run import Run


def train(model: str, data: Path, out: Path, steps: int | None = None) -> dict[str, Any]:
    """Run a recipe to its end, with checkpoints, and write ``model.safetensors`` and ``record.json`` into ``out``."""
    plan = recipe(model)
    torch.set_num_threads(plan["threads"])
    run = Run(plan, read(plan["data"]["name"], data, plan["data"]["images_sha256"]))
    out.mkdir(parents=True, exist_ok=True)
    checkpoint, log = out / "checkpoint.safetensors", out / "losses.jsonl"
    if checkpoint.exists():
        run.restore(checkpoint)
    record: dict[str, Any] = {"checks": {}}
    if (out / "record.json").exists():
        record = json.loads((out / "record.json").read_text())
    seconds, started, window = record.get("cpu_seconds", 0.0), time.process_time(), []
    last = steps or plan["steps"]
    while run.step < last:
        window.append({name: value.item() for name, value in run.advance().items()})
        if run.step in (50, 200):
            record["checks"][str(run.step)] = weights_sha256(run.trainer.networks["generator"])
        if run.step % 100 == 0 or run.step == last:
            mean = {name: sum(row[name] for row in window) / len(window) for name in window[0]}
            click.echo(f"step {run.step} of {last}: " + ", ".join(f"{k} {v:.4f}" for k, v in mean.items()), err=True)
            with log.open("a") as stream:
                stream.write(json.dumps({"step": run.step, **{k: round(v, 4) for k, v in mean.items()}}) + "\n")
            record["final_losses"], window = {k: round(v, 4) for k, v in mean.items()}, []
        if run.step % 500 == 0 or run.step == last:
            run.save(checkpoint)
            record |= {"steps": run.step, "cpu_seconds": round(seconds + time.process_time() - started, 1)}
            (out / "record.json").write_text(json.dumps(record, indent=1))
    click.echo("averaging the batch norm statistics", err=True)
    tensors = final_weights(run)
    save_file(tensors, out / "model.safetensors")
    record |= {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "weights_sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
    }
    (out / "record.json").write_text(json.dumps(record, indent=1) + "\n")
    return record


@click.command("train")
@click.argument("model")
@click.option("--data", type=Path, required=True, help="Folder of the data set, as `make data` lays it out.")
@click.option("--out", type=Path, required=True, help="Folder for the weights, the record and the checkpoint.")
@click.option("--steps", type=click.IntRange(min=1), help="Stop after so many steps. [default: the recipe's]")
def command(model: str, data: Path, out: Path, steps: int | None) -> None:
    """Train bundled MODEL again from its recipe; a run that was stopped goes on from its checkpoint in --out."""
    click.echo(json.dumps(train(model, data, out, steps), indent=1))
