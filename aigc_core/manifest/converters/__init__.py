"""Older layouts of manifests, brought to today's: one module for each pair of versions, ``KIND_FROM_to_TO``.

A module has ``convert(document) -> list[str]``, which changes a parsed document in place and says in a line each what
it did. A converter is never changed after its release, and is kept for as long as the core reads its layout: two
versions. ``read`` converts in memory; ``aigc-zoo check --fix`` writes the result down.
"""

from __future__ import annotations

from typing import Any, NamedTuple

LAYOUTS = {"model": 1, "recipe": 1}
"""Today's layout of each kind of document: what its field ``schema`` says."""
OLDEST = {"model": 1, "recipe": 1}
"""The oldest that is still converted."""


class Converted(NamedTuple):
    """A document in today's layout."""

    document: dict[str, Any]
    changes: list[str]
    """What was done to it; empty where nothing was."""


def is_old(kind: str, document: dict[str, Any]) -> bool:
    """Say whether a document has an older layout that can be converted."""
    layout = document.get("schema")
    return type(layout) is int and OLDEST[kind] <= layout < LAYOUTS[kind]


def convert(kind: str, document: dict[str, Any]) -> Converted:
    """Return a document in today's layout; one that has it already, or no known one, comes back as it is."""
    if not is_old(kind, document):
        return Converted(document, [])
    import copy  # not above: every listing imports this module, and that one looks for Jython
    from importlib import import_module

    converted, changes = copy.deepcopy(document), []
    for layout in range(document["schema"], LAYOUTS[kind]):
        module = import_module(f"{__name__}.{kind}_{layout}_to_{layout + 1}")
        changes += module.convert(converted)
        converted["schema"] = layout + 1
    return Converted(converted, changes)
