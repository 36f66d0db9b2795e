"""Recipes: against their schema, and their components against what the plugins here declare."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from aigc_core import discovery
from aigc_core.errors import ZooError
from aigc_core.manifest.against_schema import check_against
from aigc_core.manifest.lines import Path, scan
from aigc_core.manifest.plugin import PluginManifest
from aigc_core.manifest.problems import Problem, did_you_mean
from aigc_core.manifest.read import Malformed, read_object, read_text
from aigc_core.manifest.report import Report
from aigc_core.manifest.schema import schema

Known = dict[str, dict[str, dict[str, str]]]
"""Components by plugin, kind and name."""


def problems(path: str) -> list[Problem]:
    """Return every problem of a recipe's file. A plugin that is not installed here is not judged by its absence."""
    try:
        document, text = read_object(path), read_text(path)
    except Malformed as error:
        return [Problem("unreadable", "", 1, f"{error}.", "Correct the file.")]
    report = Report(scan(text))
    if check_against(document, schema("recipe"), (), report) and not report.problems:
        known = _known(path)
        for place, kinds, use in _uses(document):
            _check_use(place, kinds, use, known, report)
    name = os.path.basename(path).removesuffix(".json")
    if not report.problems and document["name"] != name:
        message = f"The recipe is called {json.dumps(document['name'])}, its file {name}.json."
        report.add("wrong-name", ("name",), message, f'It takes "{name}", or another name of the file.')
    return report.problems


def _check_use(place: Path, kinds: tuple[str, ...], use: str, known: Known, report: Report) -> None:
    plugin, _, name = use.partition(":")
    if plugin not in known:
        return
    there = [each for kind in kinds for each in known[plugin].get(kind, {})]
    if name not in there:
        near = did_you_mean(name, there)
        hint = near.replace("Did you mean ", f"Did you mean {plugin}:") if near else ""
        text = f"Plugin {plugin} has no {' or '.join(kinds)} called {name}."
        report.add("unknown-component", place, text, f"{hint}It has {', '.join(there) or 'none'}.")


def _uses(document: dict[str, Any]) -> Iterator[tuple[Path, tuple[str, ...], str]]:
    yield ("trainer", "use"), ("trainers",), document["trainer"]["use"]
    for role, entry in document["networks"].items():
        yield ("networks", role, "use"), ("networks", "discriminators"), entry["use"]
    for name, entry in document.get("losses", {}).items():
        if isinstance(entry, dict):
            yield ("losses", name, "use"), ("losses",), entry["use"]
        else:
            yield ("losses", name), ("losses",), entry
    kind = document["data"]["source"]["kind"]
    if ":" in kind:
        yield ("data", "source", "kind"), ("datasets",), kind


def _known(path: str) -> Known:
    """Return the components of the plugins that are installed, and of the one that the recipe lies in."""
    try:
        installed = [plugin.manifest for plugin in discovery.plugins() if plugin.manifest]
    except ZooError:  # settings that are damaged are not this plugin's fault
        installed = []
    known = {manifest.name: manifest.components for manifest in installed}
    own = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(path))), "plugin.json")
    try:
        manifest = PluginManifest.read(own)
    except Malformed:
        return known
    return known | {manifest.name: manifest.components}
