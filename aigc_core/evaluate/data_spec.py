"""How the data are read that a model is judged on: by its recipe, with what the core itself knows of a data set."""

from __future__ import annotations

import os
from typing import Any

from aigc_core.errors import WrongUse
from aigc_core.registry import Entry

HELD_OUT = ("test", "validation")
"""Parts that a model has not learned from, the better one first."""


def spec_of(entry: Entry) -> dict[str, Any]:
    """Return how a model's data are read: by its recipe, with the test that the core knows of, or by that alone.

    Raises ``WrongUse`` where a model names no data.
    """
    from aigc_core.estimate.sources import recipe_of
    from aigc_core.hub.names import model_id

    assert entry.manifest is not None
    origin = entry.manifest.document.get("origin")
    about = origin.get("data") if isinstance(origin, dict) and "recipe" not in origin else None
    about = about if isinstance(about, dict) else {}
    known = _known(str(about.get("id")))
    if known and about.get("sha256", known["sha256"]) == known["sha256"]:
        return {**known, "batch_size": 1, "binarise": about.get("binarise", "none")}
    try:
        spec: dict[str, Any] = recipe_of(entry)["data"]
    except WrongUse as error:
        text = f"{entry.id} does not say which data it was trained on, so there is nothing to compare its samples with"
        free = "distinct" if entry.manifest.output["kind"] == "text" else "vendi"
        raise WrongUse(f"{text}.", f"Name a metric that looks at no data: --metric {free}") from error
    known = _known(model_id(spec["name"]))
    own = any(part in spec["source"] for part in HELD_OUT) or spec.get("split")
    same = known.get("sha256") == spec.get("sha256")
    return {**spec, "source": known["source"]} if known and same and not own else spec


def _known(name: str) -> dict[str, Any]:
    """Return what the core knows of a data set: where its training images and its test are; nothing of most."""
    from aigc_core.manifest.plugin import is_name
    from aigc_core.manifest.read import read_object

    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "zoo", "references", f"{name}.json")
    return read_object(path) if is_name(name) and os.path.exists(path) else {}
