"""Shortened recipes on real data, each with a bar of its own: a training that only runs is not yet one that learns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = ROOT.parent / "shared" / "data"
CASES = {
    # recipe: data, steps, what is judged, and how low it must be after those steps (nats)
    "char-shakespeare": (TEXTS / "tinyshakespeare.txt", 200, "validation", "decoder/loss", 2.62),
    "names": (TEXTS / "names.txt", 400, "test", "decoder/loss", 2.50),
    "vae-fashion": (ROOT / ".data" / "fashion-mnist", 300, "final_losses", "autoencoder/loss", 280.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_shortened_recipe_learns(zoo, tmp_path, name):
    data, steps, part, loss, bar = CASES[name]
    if not data.exists():
        pytest.skip(f"{data.name} is not here")
    quiet = ["samples.every=0", "evaluate.every=0", "checkpoint.every=0", "log.every=100"]
    quiet = [word for change in quiet for word in ("--set", change)]
    done = zoo("train", name, "--data", data, "--out", tmp_path / "run", "--steps", steps, *quiet)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    key = loss if part == "final_losses" else f"{part}/{loss}"
    assert record[part][key] <= bar
