"""Modes that a GAN finds with and without packing: rings and grids of Gaussians, as in PacGAN (arXiv 1712.04086).

``python -m benchmarks.pacgan ring|grid --pac 1|2 --seed N --epochs N --out FILE`` trains one, and goes on where it was
stopped; ``python -m benchmarks.pacgan table FILE...`` prints what came out beside table 1 of the paper.

Networks, losses, order of updates, Adam and first weights are those of the paper's section 4 and of the code that its
authors published. A step sees 100 packs, so an epoch of their 100,000 packs has 1,000 steps whatever the pack. Other
than there, the fakes of a step go through the generator's batch norm together (there each of a pack's members with 99
others), packs are drawn anew each epoch (there once), and the 100,000 points are drawn from this run's own seed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import pacgan_table
from benchmarks.pacgan_points import data_of, score

if TYPE_CHECKING:
    from aigc_core.train.training import Training

PACKS, STEPS = 100, 1_000
"""Packs a step; steps an epoch."""
JUDGED = 2_500
"""Samples that are judged."""
SAVED = 120.0
"""Seconds between checkpoints."""


def main() -> None:
    """Train one run, or print the table of some."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pacgan", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    table = kinds.add_parser("table")
    table.add_argument("files", nargs="+", metavar="FILE")
    for kind in ("ring", "grid"):
        run = kinds.add_parser(kind)
        run.add_argument("--pac", type=int, required=True)
        run.add_argument("--seed", type=int, required=True)
        run.add_argument("--epochs", type=int, default=400, help="Of 1,000 steps each. [default: the paper's 400]")
        run.add_argument("--out", type=Path, required=True, help="The record; checkpoints lie beside it.")
    given = parser.parse_args()
    if given.kind == "table":
        print("\n".join(pacgan_table.lines([json.loads(Path(file).read_text("utf-8")) for file in given.files])))
    elif not _done(given):
        sys.exit(0 if run_it(given) else 130)


def _done(given: argparse.Namespace) -> bool:
    """Say whether the record is there already. Exits where it is another run's."""
    if not given.out.exists():
        return False
    found = json.loads(given.out.read_text("utf-8"))
    asked = {"problem": given.kind, "pac": given.pac, "seed": given.seed, "epochs": given.epochs}
    if asked != {name: found[name] for name in asked}:
        sys.exit(f"{given.out} is the record of another run; name another --out.")
    print(f"{given.out} is there already.")
    return True


def run_it(given: argparse.Namespace) -> bool:
    """Train to the last epoch and write the record; False where a signal came before, after a checkpoint."""
    import torch

    from aigc_core import interrupt
    from aigc_core.files import whole_file
    from aigc_core.train import checkpoint
    from aigc_core.train.begin import settle_threads
    from aigc_core.train.training import Training

    recipe = recipe_of(given.kind, given.pac, given.seed, given.epochs)
    settle_threads(recipe)
    training = Training(recipe, data_of(given.kind, given.seed))
    folder, curve, past = given.out.with_suffix(".checkpoints"), list[dict[str, Any]](), 0.0
    if found := checkpoint.newest(folder, print):
        tensors, state = found
        if state["recipe"] != recipe:
            sys.exit(f"The checkpoints in {folder} are of another run; name another --out.")
        training.load_state(tensors, state["training"])
        curve, past = state["curve"], state["cpu_seconds"]
    interrupt.defer()
    began, saved = time.process_time(), time.monotonic()

    def save() -> None:
        tensors, state = training.state()
        rest = {"recipe": recipe, "curve": curve, "cpu_seconds": past + time.process_time() - began}
        checkpoint.write(folder, training.step, tensors, {"training": state, **rest}, 2)

    last = recipe["budget"]["steps"]
    while training.step < last:
        report = training.advance()
        if training.step % (5 * STEPS) == 0 or training.step == last:
            losses = {name: round(float(value), 4) for name, value in report.items()}
            curve.append({"epoch": training.step / STEPS, **judged(training, given.kind), **losses})
            print(json.dumps(curve[-1]), flush=True)
        if interrupt.pending() or time.monotonic() - saved > SAVED:
            save()
            saved = time.monotonic()
            if interrupt.pending():
                print(f"Stopped after {training.step:,} steps; the same command goes on.")
                return False
    facts = {"problem": given.kind, "pac": given.pac, "seed": given.seed, "epochs": given.epochs, "steps": last}
    seconds = round(past + time.process_time() - began, 1)
    where = {"torch": torch.__version__, "threads": 1, "instructions": torch.backends.cpu.get_cpu_capability()}
    end = {name: value for name, value in curve[-1].items() if name != "epoch"}
    with whole_file(str(given.out)) as stream:
        document = {**facts, **end, "judged": JUDGED, "cpu_seconds": seconds, **where, "curve": curve}
        stream.write(json.dumps(document, indent=1).encode() + b"\n")
    return True


def recipe_of(kind: str, pac: int, seed: int, epochs: float) -> dict[str, Any]:
    """Return the whole recipe of a run."""
    from aigc_core.train.recipe import complete

    adam = {"kind": "adam", "learning_rate": 1e-4, "betas": [0.8, 0.999]}
    recipe = {
        "schema": 1,
        "name": f"pacgan-{kind}",
        "trainer": {"use": "gan:adversarial", "config": {"update": "simultaneous", "pac": pac}},
        "networks": {
            "generator": {"use": "gan:points", "config": {"latent_dim": 2, "width": 400}},
            "discriminator": {"use": "gan:points", "config": {"pac": pac, "width": 200}},
        },
        "losses": {"adversarial": "gan:non-saturating"},
        # The points come as they are: 255 levels between 0 and 255 are no change.
        "data": {
            "name": kind,
            "licence": "CC0-1.0",
            "source": {"kind": "points"},
            "range": [0, 255],
            "batch_size": PACKS * pac,
        },
        "optimizers": {"generator": adam, "discriminator": adam},
        "compute": {"threads": 1, "fused": True, "flush_denormals": True},
        "seed": seed,
        "budget": {"steps": round(epochs * STEPS)},
    }
    return complete(recipe, "pacgan")


def judged(training: Training, kind: str) -> dict[str, Any]:
    """Return what 2,500 samples of the generator as it is are worth; its batch norm by its running statistics."""
    import torch

    generator = training.networks["generator"]
    latents = torch.randn(JUDGED, 2, generator=torch.Generator().manual_seed(7))
    generator.eval()
    with torch.no_grad():
        points = generator(latents)
    generator.train()
    return score(points, kind)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
