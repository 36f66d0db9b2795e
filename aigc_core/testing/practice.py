"""A recipe's training on rows that are made up, small and short."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse, ZooError
from aigc_core.testing.made_up import candidates
from aigc_core.testing.subjects import RecipeSubject
from aigc_core.testing.verdict import Broken, Skipped

if TYPE_CHECKING:
    from aigc_core.train.data.rows import DataSet
    from aigc_core.train.training import Training

BATCH = 3
"""Rows of a step."""


def recipe_of(subject: RecipeSubject) -> dict[str, Any]:
    """Return the complete recipe, for a short training on the CPU. Raises ``WrongUse`` with its faults."""
    from aigc_core.train.recipe import read

    recipe = copy.deepcopy(read(subject.path))
    recipe["data"]["batch_size"] = BATCH
    recipe["data"]["augment"] = []
    recipe["accumulate"] = 1
    recipe["compute"] |= {"precision": "float32", "compile": False, "shard": False}
    recipe["seed"] = 1
    return recipe


def data_of(subject: RecipeSubject) -> DataSet:
    """Return made-up rows that the recipe's trainer takes, the same each time.

    Raises ``Broken`` where none of those that are tried fits, ``Skipped`` where another plugin is missing.
    """
    if subject.data is None:
        subject.data = _found(subject)
    return subject.data


def _found(subject: RecipeSubject) -> DataSet:
    from aigc_core.train.plan import plan

    recipe, reasons = recipe_of(subject), []
    for data in candidates(subject, recipe):
        try:
            plan(recipe, data)
        except NotAvailable as error:
            if _foreign(subject, recipe):
                raise Skipped(f"it takes a component of another plugin that is not installed: {error}") from None
            raise
        except ZooError as error:
            reasons.append(str(error))
            continue
        return data
    hint = f"Say what a row holds: [tool.aigc-zoo.rows] {subject.name}.images = [1, 28, 28]"
    raise Broken(f"It fits none of the rows that were tried: {reasons[0] if reasons else 'no shape is known'}", hint)


def training(subject: RecipeSubject, data: DataSet, batch: int = BATCH, seed: int = 1) -> Training:
    """Return a training that has not begun."""
    from aigc_core.train.training import Training

    recipe = recipe_of(subject)
    recipe["data"]["batch_size"], recipe["seed"] = batch, seed
    return Training(recipe, data)


def _foreign(subject: RecipeSubject, recipe: dict[str, Any]) -> bool:
    """Say whether the recipe names a component of a plugin that is not installed."""
    from aigc_core import discovery
    from aigc_core.train.build import use_of

    uses = [recipe["trainer"]["use"], *(spec["use"] for spec in recipe["networks"].values())]
    uses += [use_of(spec) for spec in recipe["losses"].values()]
    for use in uses:
        owner = use.partition(":")[0]
        if owner != subject.plugin.name:
            try:
                discovery.find(owner)
            except WrongUse:
                return True
    return False
