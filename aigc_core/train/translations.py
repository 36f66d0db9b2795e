"""Samples of a translator that is still training: what it makes of rows of the data, under those."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from aigc_core.run import receipt as receipts
from aigc_core.run import write_pictures as writing
from aigc_core.run.model import Model
from aigc_core.train.data import augment
from aigc_core.train.training import Training


def translations(training: Training, model: Model, path: Path) -> np.ndarray:
    """Write a sheet, and return the translations (n, c, h, w) on it.

    A row of such data has what is translated in its first channels, as many as the model takes. They are the first
    rows that are held out for validation, or else of those that train.
    """
    recipe, data = training.recipe, training.data
    rows = data.train if data.validation is None else data.validation
    taken = rows.take(torch.arange(min(recipe["samples"]["count"], len(rows))))["images"]
    whole = augment.middle(taken, recipe["data"].get("augment", [])).numpy()
    given = np.ascontiguousarray(whole[:, : model.manifest.input["shape"][0]])
    made = model.translate(given)
    shapes = [made.values.shape[1:]] * len(given)
    work = writing.Work(str(path), path.stem, shapes, writing.grid(len(given), 2), [*given])
    inputs = [{"name": f"{recipe['data']['name']} {index}"} for index in range(len(given))]
    receipt = receipts.of_files(model, "translate", inputs, {})
    writing.write_pictures(work, (made._replace(values=values[None]) for values in made.values), receipt)
    return made.values
