"""The model with the lowest validation loss so far, kept beside that of the last step, and called what it is."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from aigc_core.errors import WrongUse, did_you_mean
from aigc_core.train.evaluate import evaluate
from aigc_core.train.export import export
from aigc_core.train.recipe import Recipe
from aigc_core.train.training import Training

BEST = "best"
"""The folder of that model in the run's own."""


def check(recipe: Recipe, terms: Collection[str], *, validated: bool) -> None:
    """Raise ``WrongUse`` where ``evaluate.best`` is none of the trainer's ``terms``, or nothing can be validated on."""
    term = recipe["evaluate"]["best"]
    if term is None:
        return
    if term not in terms:
        known = ", ".join(sorted(terms))
        text = f"evaluate.best in the recipe is {term}; the trainer's terms are {known}."
        raise WrongUse(text + did_you_mean(term, sorted(terms)))
    if recipe["evaluate"]["every"] and not validated:
        text = "evaluate.best in the recipe asks for the lowest validation loss, and the data have no validation rows."
        raise WrongUse(text, "Keep some out of the training by data.split, or leave evaluate.best out.")


def validated(training: Training, record: dict[str, Any], folder: Path) -> dict[str, float]:
    """Return the validation losses; where the recipe asks for the best, they are those of the model that would ship.

    Then a model with a lower loss than every one before is written out, and ``record`` says of which step it is.
    """
    rows, term = training.data.validation, training.recipe["evaluate"]["best"]
    assert rows is not None
    if term is None:
        return evaluate(training, rows, "validation")
    model = training.copied()
    training.trainer.finish(model, training.recipe["seed"])
    losses = evaluate(training, rows, "validation", model)
    check(training.recipe, [name.partition("/")[2] for name in losses], validated=True)
    by, value = f"validation {term}", round(losses[f"validation/{term}"], 6)
    before = record.get("selection", {})
    lowest = before["value"] if before.get("by") == by else math.inf  # a run may go on with another term
    if value < lowest:
        record["selection"] = {"by": by, "value": value, "step": training.step}
        if training.ranks.first:
            _write(training, model, record, folder / BEST)
    return losses


def _write(training: Training, model: nn.Module, record: Mapping[str, Any], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    found = record["environment"]
    said = {**record, **{name: found[name] for name in ("torch", "threads", "instructions")}}
    said |= {"seed": training.recipe["seed"], "steps": training.step}
    export(model, training.recipe, training.model_role, training.data.facts, said, folder, training.beside)
