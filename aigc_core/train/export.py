"""The end of a training: a folder in the Hub's layout, which ``run``, ``eval`` and ``push`` take as it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from aigc_core import API, discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import CheckFailed, NotAvailable
from aigc_core.files import whole_file
from aigc_core.hub.choose import CONFIG, MANIFEST, kind
from aigc_core.hub.names import model_id
from aigc_core.hub.publish.card import LIBRARY, card
from aigc_core.hub.publish.layout import RECIPE, WEIGHTS
from aigc_core.hub.publish.listing import CARD
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.train.build import filled
from aigc_core.train.recipe import Recipe

if TYPE_CHECKING:
    import torch

_ORIGIN = (
    "seed",
    "steps",
    "cpu_seconds",
    "threads",
    "torch",
    "instructions",
    "final_losses",
    "checks",
    "parents",
    "selection",
)


def template(recipe: Recipe, role: str) -> tuple[Plugin, dict[str, Any]]:
    """Return the plugin that runs the model of a recipe, and the part of a manifest that it has for it.

    Raises ``NotAvailable`` where it has none: then nothing could run what is trained.
    """
    name, _, architecture = recipe["networks"][role]["use"].partition(":")
    plugin = discovery.find(name)
    if plugin.manifest is None:
        raise plugin.error()
    claim = plugin.manifest.claims.get("model_type", {}).get(architecture)
    if claim is None or architecture not in plugin.manifest.components.get("generators", {}):
        text = f"Plugin {plugin.name} of {plugin.distribution} cannot run what it trains: {architecture} is"
        raise NotAvailable(f"{text} no generator of its plugin.json, or has no template under claims.model_type.")
    try:
        return plugin, read_object(os.path.join(plugin.zoo, "claims", f"{claim}.json"))
    except Malformed as error:
        raise NotAvailable(f"{plugin.distribution} {plugin.version} cannot describe {architecture}: {error}.") from None


def export(
    model: torch.nn.Module,
    recipe: Recipe,
    role: str,
    facts: Mapping[str, Any],
    record: Mapping[str, Any],
    folder: Path,
    beside: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Write weights, config, card and manifest into a folder; the manifest last: it never names what is not there.

    ``beside`` are other files of the model by their names there, such as its tokenizer's. Raises
    ``CheckFailed`` where a weight is not finite: such a model makes nothing.
    """
    from safetensors.torch import save

    plugin, part = template(recipe, role)
    weights = save(_final(model, recipe["dtype"]))
    config = filled(recipe["networks"][role]["config"], facts)
    architecture = recipe["networks"][role]["use"].partition(":")[2]
    stored = {"path": WEIGHTS, "size": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    settings = {
        "path": CONFIG,
        **_facts(told := _json({"model_type": architecture, "library_name": LIBRARY, **config})),
    }
    others = {name: path.read_bytes() for name, path in beside.items() if name not in (WEIGHTS, CONFIG)}
    document = part | {
        "schema": 1,
        "id": recipe["name"],
        "summary": recipe.get("summary", f"{recipe['name']}, trained on {recipe['data']['name']}."),
        "code": {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "api": API,
            "architecture": architecture,
            "config": config,
        },
        "weights": {
            "source": "bundled",
            "files": [
                {**stored, "format": "safetensors", "dtype": recipe["dtype"]},
                {**settings, "format": "json"},
                *({"path": name, **_facts(data), "format": kind(name)} for name, data in others.items()),
            ],
        },
        "terms": part.get("terms", {}) | {"weights": recipe["licence"], "data": recipe["data"]["licence"]},
        "origin": _origin(recipe, record),
    }
    document["terms"].setdefault("code", None)
    (folder / MANIFEST).unlink(missing_ok=True)  # of an earlier end: it names other weights
    for name, data in {
        WEIGHTS: weights,
        CONFIG: told,
        **others,
        RECIPE: _json(recipe),
        CARD: card(document).encode(),
        MANIFEST: _json(document),
    }.items():
        with whole_file(str(folder / name)) as stream:
            stream.write(data)


def _final(model: torch.nn.Module, dtype: str) -> dict[str, torch.Tensor]:
    """Return the weights as they ship, each in memory of its own."""
    import torch

    kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    final = {}
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value = value.to(kinds[dtype])
            if not torch.isfinite(value).all():
                text = f"The weights are not finite ({name}); no model was written."
                raise CheckFailed(text, "See losses.jsonl for when that began, and the checkpoints before it.")
        final[name] = value.detach().cpu().contiguous().clone()
    return final


def _origin(recipe: Recipe, record: Mapping[str, Any]) -> dict[str, Any]:
    data, identity = recipe["data"], record["data"]
    origin: dict[str, Any] = {
        "recipe": RECIPE,
        "data": {"id": model_id(data["name"]), "license": data["licence"]}
        | ({"source": data["from"]} if "from" in data else {})
        | ({"sha256": identity["sha256"]} if identity.get("sha256") else {})
        | {"count": identity["rows"]["train"]}
        | ({"binarise": identity["binarise"]} if identity.get("binarise", "none") != "none" else {}),
    }
    return origin | {name: record[name] for name in _ORIGIN if name in record}


def _facts(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
