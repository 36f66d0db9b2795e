"""How far translations are from the truth, on rows that no training saw.

``python -m benchmarks.translation MODEL [--data PATH]`` takes a model whose recipe is one of ``gan:pix2pix`` on
``gan:emoji-edges`` or ``gan:cycle`` on ``gan:digits-domains``, and prints a table. Figures are the mean absolute
difference of 8-bit levels, beside what the simplest translators come to.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from aigc_core import load, registry
from aigc_core.manifest.read import read_object
from aigc_core.run.model import Model
from aigc_core.train.build import component
from aigc_core.train.data.read import read
from aigc_core.train.data.rows import Rows
from aigc_core.train.recipe import find
from aigc_gan.translate.datasets import bold

Table = dict[str, float]


def main() -> None:
    """Measure a model and print its table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("model")
    asked.add_argument("--data", help="the data set's folder; by default the recipe's own")
    given = asked.parse_args()
    recipe = recipe_of(given.model)
    data = read(recipe["data"], given.data or recipe["data"]["folder"], lambda use: component("datasets", use))
    assert data.validation is not None
    model = load(given.model)
    measure = {"gan:pix2pix": pairs, "gan:cycle": domains}[recipe["trainer"]["use"]]
    print(f"{given.model} on {len(data.validation):,} rows that no training saw, in levels of 255\n")
    print("| mean absolute difference of | |\n|---|---|")
    for name, value in measure(model, data.validation, data.train).items():
        print(f"| {name} | {value:.2f} |")


def recipe_of(name: str) -> Mapping[str, Any]:
    """Return the recipe that a model came from, an installed one or one in a folder."""
    entry = registry.find(name)
    assert entry.manifest is not None
    path = entry.manifest.document["origin"]["recipe"]
    return read_object(f"{entry.folder}/{path}" if entry.folder else find(name))


def pairs(model: Model, held_out: Rows, trained: Rows) -> Table:
    """Return how far the translations of drawings are from their emoji."""
    rows, known = images(held_out), images(trained)
    drawing, wanted = rows[:, :1], rows[:, 1:]
    mean = np.broadcast_to(known[:, 1:].mean(0), wanted.shape)
    return {
        "translations and the emoji": apart(model.translate(drawing).levels(), wanted),
        "white images and the emoji": apart(np.full_like(wanted, 255), wanted),
        "the mean emoji of the training and the emoji": apart(mean, wanted),
        "the drawings themselves and the emoji": apart(drawing, wanted),
    }


def domains(model: Model, held_out: Rows, trained: Rows) -> Table:
    """Return how far thin digits made bold, and bold ones made thin, are from the true ones, and from themselves."""
    rows = images(held_out)
    thin, others = rows[:, :1], rows[:, 1:]
    true = np.stack([bold(image) for image in thin[:, 0]])[:, None]
    forth, back = (model.translate(given, direction=way).levels() for given, way in ((thin, "forth"), (true, "back")))
    again = model.translate(forth, direction="back").levels()
    there = model.translate(model.translate(others, direction="back").levels(), direction="forth").levels()
    return {
        "thin to bold, and the truth": apart(forth, true),
        "thin merely inverted, and the truth": apart(255 - thin, true),
        "bold to thin, and the truth": apart(back, thin),
        "bold merely inverted, and the truth": apart(255 - true, thin),
        "thin there and back, and itself (cycle error)": apart(again, thin),
        "bold there and back, and itself (cycle error)": apart(there, others),
    }


def images(rows: Rows) -> np.ndarray:
    """Return all rows' images, uint8 (n, c, h, w)."""
    found: np.ndarray = rows.take(torch.arange(len(rows)))["images"].numpy()
    return found


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean absolute difference."""
    return float(np.abs(one.astype(np.float64) - other).mean())


if __name__ == "__main__":
    main()
