"""Recipes: what a bundled model was trained with, and the trainer that one describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from aigc_core import discovery, plugins
from aigc_core.errors import WrongUse, did_you_mean
from aigc_core.interfaces import Loss
from aigc_gan.networks import DcganDiscriminator, DcganGenerator, initialise
from aigc_gan.trainer import AdversarialTrainer


def recipe(model: str) -> dict[str, Any]:
    """Read the recipe of a bundled model. Raises ``WrongUse`` where there is none of that name."""
    folder = Path(__file__).parent / "zoo" / "recipes"
    known = sorted(path.stem for path in folder.glob("*.json"))
    if model not in known:
        raise WrongUse(f"There is no recipe {model}.{did_you_mean(model, known)} There is {', '.join(known)}.")
    found: dict[str, Any] = json.loads((folder / f"{model}.json").read_text(encoding="utf-8"))
    return found


def build(recipe: dict[str, Any]) -> AdversarialTrainer:
    """Build both networks from the recipe's seed, and their trainer."""
    torch.manual_seed(recipe["seed"])
    generator, discriminator = DcganGenerator(**recipe["generator"]), DcganDiscriminator(**recipe["discriminator"])
    for network in (generator, discriminator):
        initialise(network)
    return AdversarialTrainer(
        generator,
        discriminator,
        _loss(recipe["loss"]),
        latent_dim=recipe["generator"]["latent_dim"],
        learning_rate=recipe["learning_rate"],
        betas=tuple(recipe["betas"]),
        update=recipe["update"],
    )


def _loss(name: str) -> Loss:
    """Return the loss of that ``plugin:name``: a recipe may take another plugin's."""
    plugin, _, loss = name.partition(":")
    made: Loss = plugins.component(discovery.find(plugin), "losses", loss)()
    return made
