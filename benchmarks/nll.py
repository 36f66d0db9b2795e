"""The table of likelihoods: ``python -m benchmarks.nll RUN... [--data PATH] [--records FOLDER]``.

RUN is the folder of a training, or a record that ``--records`` wrote of one earlier. Of each, the model of the last
step is scored, and that which validation chose (``best/``), where there is one; a number is never called the one when
it is the other. ``--count`` scores fewer images, for a trial: its numbers have another id.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from aigc_core import load
from aigc_core.estimate import Asked, score
from aigc_core.estimate.sources import density_of, of_recipe
from benchmarks.nll_table import lines

DRAWS, ROUNDS = 200, 5
"""As in pythae's table (github.com/clementchadebec/benchmark_VAE, "Reproducibility")."""


def main() -> None:
    """Score the runs that are named and print the table of all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nll", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--data", help="Where the data are. [default: where the recipes say]")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--count", type=int, help="Score so many images. [default: all of the test]")
    parser.add_argument("--records", help="A folder to keep each run's numbers in, without its weights.")
    given = parser.parse_args()
    found = []
    for run in map(Path, given.runs):
        one = json.loads(run.read_text("utf-8")) if run.suffix == ".json" else measured(run, given)
        found.append(one)
        if given.records:
            Path(given.records).mkdir(parents=True, exist_ok=True)
            kept = Path(given.records, f"{one['model']}-seed{one['seed']}.json")
            kept.write_text(json.dumps(one, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines(found)))


def measured(run: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Score a run's models; return what the table and the record of it need."""
    record = json.loads((run / "record.json").read_text("utf-8"))
    scores = {"last": _scored(run, given)}
    if (run / "best" / "aigc-zoo.json").exists():
        scores["best"] = _scored(run / "best", given)
    facts = ("seed", "steps", "cpu_seconds", "threads", "torch", "instructions", "checks", "selection")
    name = json.loads((run / "recipe.json").read_text("utf-8"))["name"]
    return {"model": name, **{fact: record[fact] for fact in facts if fact in record}, "scores": scores}


def _scored(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    model = load(str(folder.resolve()))
    density = density_of(model)
    data, batches = of_recipe(model.entry, given.data, "test", given.count)
    asked = Asked("exact" if density.exact else "nll", given.draws, given.rounds)

    def done(images: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{folder}: {images:,} images", end="", file=sys.stderr)

    found = score(density, batches, asked, data, done=done)
    return {
        "metric": found.id,
        "sha256": found.data.sha256,
        "images": found.data.scored,
        "of": found.data.of,
        "nats": found.nats,
        "rounds": [float(each) for each in found.values.mean(1)],
        "error_over_images": found.error_over_images,
    }


if __name__ == "__main__":
    main()
