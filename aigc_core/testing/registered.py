"""What a plugin registers, found in its data: itself, its components, its models and its recipes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from aigc_core import discovery, registry
from aigc_core.discovery import Plugin
from aigc_core.errors import WrongUse, did_you_mean
from aigc_core.testing.subjects import Component, ModelSubject, RecipeSubject, Subject


def subjects(plugin: Plugin, models: Sequence[str] | None = None, rows: Any = None) -> list[Subject]:
    """Return all that a plugin registers; of ``models``, where given, these alone.

    ``rows`` says of recipes by name what a row of their data is. Raises ``WrongUse`` for a model that is not known.
    """
    if models is not None:
        return [ModelSubject(plugin, registry.find(name)) for name in models]
    found: list[Subject] = [Subject(plugin, plugin.name)]
    declared = plugin.manifest.components if plugin.manifest else {}
    found += [Component(plugin, sort, name) for sort, names in declared.items() for name in names]
    own = os.path.realpath(plugin.zoo)
    entries = [entry for entry in registry.entries() if os.path.realpath(entry.folder) == own]
    found += [ModelSubject(plugin, entry) for entry in entries]
    folder = os.path.join(plugin.zoo, "recipes")
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if file.endswith(".json"):
            name = file.removesuffix(".json")
            found.append(RecipeSubject(plugin, os.path.join(folder, file), (rows or {}).get(name, {})))
    return found


def find(plugin: str, name: str) -> Subject:
    """Return the subject that reads so. Raises ``WrongUse`` where there is none, with a near name."""
    from aigc_core.testing.settings import Settings

    owner = discovery.find(plugin)
    known = {
        str(each): each for each in subjects(owner, rows=Settings.of_source(owner.package, owner.distribution).rows)
    }
    if name not in known and name.startswith("model "):
        return ModelSubject(owner, registry.find(name.removeprefix("model ")))
    if name not in known:
        raise WrongUse(f"Plugin {owner.name} registers no {name}.{did_you_mean(name, list(known))}")
    return known[name]
