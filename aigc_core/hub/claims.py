"""Which installed plugin can load a repository that no manifest of ours describes: found by reading JSON alone.

A plugin claims values of ``model_type`` and ``_class_name`` in config.json and of ``library_name`` in the model card;
each value names a template, ``zoo/claims/NAME.json``: a model manifest without what only the repository knows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.hub.names import model_id
from aigc_core.manifest.model import ModelManifest, WeightFile
from aigc_core.manifest.read import Malformed, read_object

FIELDS = ("model_type", "_class_name", "library_name")


def claimed(facts: dict[str, Any], name: str) -> tuple[Plugin, str]:
    """Return the plugin that claims a repository with these facts, and its template's path.

    The first of ``FIELDS`` that anybody claims decides. Raises ``NotAvailable`` where nobody does, ``WrongUse`` where
    two do.
    """
    usable = discovery.usable(discovery.plugins())
    for field in FIELDS:
        value = facts.get(field)
        found = [
            (plugin, plugin.manifest.claims[field][value])
            for plugin in usable
            if plugin.manifest and isinstance(value, str) and value in plugin.manifest.claims.get(field, {})
        ]
        if len(found) > 1:
            names = " and ".join(f"{plugin.distribution} {plugin.version}" for plugin, _ in found)
            raise WrongUse(f"{name} can be loaded by {names}.", f"Choose: aigc-zoo disable {found[0][0].key}")
        if found:
            plugin, template = found[0]
            return plugin, os.path.join(plugin.zoo, "claims", f"{template}.json")
    stated = ", ".join(f"{field} {facts[field]}" for field in FIELDS if isinstance(facts.get(field), str))
    raise NotAvailable(
        f"No installed plugin can load {name} ({stated or 'it says nothing of what it is'}).",
        "See: aigc-zoo plugins; a repository needs aigc-zoo.json or a config.json that a plugin claims.",
    )


def complete(
    plugin: Plugin, template: str, title: str, files: Sequence[WeightFile], licence: str | None
) -> ModelManifest:
    """Complete a template with what the repository says. Raises ``NotAvailable`` where the template cannot be used."""
    listed = [{key: value for key, value in file._asdict().items() if value != ""} for file in files]
    try:
        document = read_object(template)
        terms = document.get("terms")
        document |= {
            "schema": 1,
            "id": model_id(title.partition("@")[0].rstrip("/").rpartition("/")[2]),
            "summary": f"{title}, as the plugin {plugin.name} loads it.",
            "weights": {"source": "bundled", "files": listed},
            "terms": {"code": None, "data": None, **(terms if isinstance(terms, dict) else {}), "weights": licence},
        }
        return ModelManifest.of(document, template)
    except Malformed as error:
        text = f"{plugin.distribution} {plugin.version} claims {title}, but {error}."
        raise NotAvailable(text, f"Try: pip install --upgrade {plugin.distribution}") from None
