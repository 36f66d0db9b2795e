"""From a recipe to a trainer: its networks, its losses, its update step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from aigc_core import discovery, plugins
from aigc_core.errors import WrongUse, ZooError
from aigc_core.interfaces import Trainer
from aigc_core.train.recipe import Recipe


def build(recipe: Recipe, facts: Mapping[str, Any], device: str = "cpu") -> Trainer:
    """Build what the recipe names. Equal seeds give equal first weights; on the meta device, none at all.

    ``facts`` are what the data say of themselves (shape, classes, vocabulary, block). Raises ``WrongUse`` where a role
    is missing or a value cannot be, ``NotAvailable`` where a plugin or component is.
    """
    kind = component("trainers", recipe["trainer"]["use"])
    roles, given = kind.roles, recipe["networks"]
    if given.keys() != roles.keys() or recipe["optimizers"].keys() != roles.keys():
        text = f"{recipe['trainer']['use']} trains {' and '.join(roles)}"
        raise WrongUse(
            f"{text}; the recipe has networks for {_names(given)}, optimizers for {_names(recipe['optimizers'])}."
        )
    losses = {name: _loss(name, spec) for name, spec in recipe["losses"].items()}
    torch.manual_seed(recipe["seed"])
    with torch.device(device):
        networks = {
            role: _made(f"networks.{role}", component(roles[role], given[role]["use"]), given[role]["config"], facts)
            for role in roles
        }
        for network in networks.values():
            if initialise := getattr(network, "initialise", None):
                initialise()
    config = filled(recipe["trainer"]["config"], facts)
    try:
        trainer: Trainer = kind(networks, losses, **config)
    except KeyError as error:
        use = recipe["trainer"]["use"]
        raise WrongUse(f"{use} asks for a loss or network {error}; losses in the recipe: {_names(losses)}.") from error
    except (TypeError, ValueError) as error:
        raise WrongUse(f"trainer.config does not fit {recipe['trainer']['use']}: {_said(error)}.") from error
    return trainer


def component(kind: str, use: str) -> Any:
    """Return what ``plugin:name`` names, imported on first use."""
    plugin, _, name = use.partition(":")
    return plugins.component(discovery.find(plugin), kind, name)


def filled(config: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with each ``{"data": FACT}`` replaced by that fact. Raises ``WrongUse`` for an unknown one."""
    whole = dict(config)
    for name, value in config.items():
        if isinstance(value, dict) and value.keys() == {"data"}:
            if value["data"] not in facts:
                raise WrongUse(f"config.{name} asks the data for {value['data']}; they say {_names(facts)}.")
            whole[name] = facts[value["data"]]
    return whole


def _made(place: str, kind: Any, config: Mapping[str, Any], facts: Mapping[str, Any]) -> torch.nn.Module:
    try:
        network: torch.nn.Module = kind(**filled(config, facts))
    except ZooError:
        raise
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        raise WrongUse(f"{place}.config does not fit: {_said(error)}.") from error
    return network


def use_of(spec: str | Mapping[str, Any]) -> str:
    """Return the component that an entry of ``losses`` names, alone or with its config."""
    return spec if isinstance(spec, str) else str(spec["use"])


def _loss(name: str, spec: str | Mapping[str, Any]) -> Any:
    use, config = use_of(spec), {} if isinstance(spec, str) else spec.get("config", {})
    try:
        return component("losses", use)(**config)
    except (TypeError, ValueError) as error:
        raise WrongUse(f"losses.{name}.config does not fit {use}: {_said(error)}.") from error


def _said(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _names(given: Mapping[str, Any]) -> str:
    return ", ".join(given) or "nothing"
