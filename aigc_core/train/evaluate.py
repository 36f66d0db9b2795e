"""The losses on rows that do not train: every row once, in eval mode, the same noise each time."""

from __future__ import annotations

from torch import nn

from aigc_core.train import ranks as distributed
from aigc_core.train.data.batches import held_out
from aigc_core.train.data.rows import Rows
from aigc_core.train.parts import Part
from aigc_core.train.randomness import draw, seed_step
from aigc_core.train.training import Training
from aigc_core.train.update import measured


def evaluate(training: Training, rows: Rows, name: str, model: nn.Module | None = None) -> dict[str, float]:
    """Return each term's mean over rows, as ``name/role/term``; ranks take the batches in turn.

    ``model`` stands in the place of the network that trains: the one that ships.
    """
    networks = training.trainer.networks
    trained = networks[training.model_role]
    try:
        networks[training.model_role] = model or trained
        return _evaluated(training, rows, name)
    finally:
        networks[training.model_role] = trained


def _evaluated(training: Training, rows: Rows, name: str) -> dict[str, float]:
    recipe, ranks = training.recipe, training.ranks
    all_alike = ranks.world == 1 or recipe["compute"]["shard"]  # sharded weights are gathered by all, for every batch
    sums: dict[str, float] = {}
    weight = 0.0
    for number, batch in enumerate(held_out(rows, recipe["data"], recipe["data"]["batch_size"])):
        mine = all_alike or number % ranks.world == ranks.rank
        if not mine and number:  # the first is measured by all: one that has no other still adds its zeros
            continue
        seed_step(recipe["seed"], number)
        noise = draw(training.trainer.noise, len(next(iter(batch.values()))))
        part = Part(training.parts.moved(batch), training.parts.moved(noise))
        things = training.trainer.weight(batch) if mine else 0.0
        for key, value in measured(training.trainer, part, training.update.autocast).items():
            sums[key] = sums.get(key, 0.0) + float(value) * things
        weight += things
    if not all_alike:
        weight = distributed.total(weight, ranks, training.device)
        sums = {key: distributed.total(value, ranks, training.device) for key, value in sorted(sums.items())}
    return {f"{name}/{key}": value / weight for key, value in sums.items()}
