"""Recipes: found by name or path, checked against their schema, with every default written out."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from aigc_core import discovery, registry
from aigc_core.errors import WrongUse, ZooError, did_you_mean
from aigc_core.hub.publish.listing import inside
from aigc_core.manifest.converters import convert
from aigc_core.manifest.read import Malformed, read_object

Recipe = dict[str, Any]


def read(name: str, changes: Sequence[str] = ()) -> Recipe:
    """Return the recipe that a path, an installed recipe or a model's name means, changed, checked and complete.

    ``changes`` are texts like ``data.batch_size=64``. Raises ``WrongUse`` with every fault's place.
    """
    path = find(name)
    try:
        recipe = convert("recipe", read_object(path)).document
    except Malformed as error:
        raise WrongUse(f"The recipe cannot be used: {error}.") from None
    for change in changes:
        assign(recipe, change)
    return complete(recipe, path)


def find(name: str) -> str:
    """Return the path of a recipe. Raises ``WrongUse`` where there is none, with a near name."""
    if name.endswith(".json"):
        if not os.path.isfile(name):
            raise WrongUse(f"There is no recipe {name}.", "Name a file, or a model: aigc-zoo train dcgan-fashion")
        return name
    known = installed()
    if name in known:
        if len(known[name]) > 1:
            raise WrongUse(f"{name} can mean {' and '.join(known[name])}.", "Name the file.")
        return known[name][0]
    return _of_model(name, known)


def installed() -> dict[str, list[str]]:
    """Return the paths of the recipes that usable plugins ship, by name."""
    found: dict[str, list[str]] = {}
    for plugin in discovery.usable(discovery.plugins()):
        folder = os.path.join(plugin.zoo, "recipes")
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if file.endswith(".json"):
                found.setdefault(file.removesuffix(".json"), []).append(os.path.join(folder, file))
    return found


def _of_model(name: str, known: Mapping[str, Any]) -> str:
    """Return the recipe that a model's manifest names as its origin."""
    try:
        entry = registry.find(name)
    except ZooError as error:
        if os.sep in name:
            raise
        text = f"There is no recipe {name}.{did_you_mean(name, list(known))} There is {', '.join(sorted(known))}."
        raise WrongUse(text, "Or name a recipe's file.") from error
    origin = entry.manifest.document.get("origin", {}) if entry.manifest else {}
    if not isinstance(origin, dict) or not isinstance(origin.get("recipe"), str):
        raise WrongUse(f"{name} does not say how it was trained.", "Name a recipe: aigc-zoo train RECIPE --from MODEL")
    return inside(entry.folder, origin["recipe"])


def assign(recipe: Recipe, change: str) -> None:
    """Carry out ``path=value``: the value is JSON where it can be, else text. Raises ``WrongUse`` for another form."""
    path, equals, text = change.partition("=")
    if not equals or not path or "" in path.split("."):
        raise WrongUse(f"--set {change} is no path=value.", "Such as: --set data.batch_size=64")
    try:
        value = json.loads(text, parse_constant=_number, parse_float=_number)
    except ValueError:
        value = text
    except RecursionError:
        raise WrongUse("--set takes no value that is nested so deep.") from None
    at: Any = recipe
    *parts, last = path.split(".")
    for part in parts:
        at = _entry(at, part, change) if isinstance(at, list) else at.setdefault(part, {})
        if not isinstance(at, (dict, list)):
            raise WrongUse(f"--set {change}: {part} is no object, so it has no {last}.")
    if isinstance(at, list):
        _entry(at, last, change)
        at[int(last)] = value
    else:
        at[last] = value


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no number that JSON can hold")  # Python's reader takes it
    return number


def _entry(at: list[Any], part: str, change: str) -> Any:
    if not (part.isascii() and part.isdigit()) or int(part) >= len(at):
        raise WrongUse(f"--set {change}: there is no entry {part} in a list of {len(at)}.", "Entries count from 0.")
    return at[int(part)]


def complete(recipe: Recipe, origin: str) -> Recipe:
    """Check a recipe against the schema and write out every default. Raises ``WrongUse`` with every fault."""
    from aigc_core.manifest.against_schema import check_against
    from aigc_core.manifest.lines import scan
    from aigc_core.manifest.report import Report
    from aigc_core.manifest.schema import schema

    report = Report(scan(json.dumps(recipe)))
    check_against(recipe, schema("recipe"), (), report)
    if report.problems:
        faults = "; ".join(f"{problem.message.rstrip('.')} ({problem.hint})" for problem in report.problems[:5])
        more = f"; and {len(report.problems) - 5} more" if len(report.problems) > 5 else ""
        raise WrongUse(f"The recipe {origin} is not right: {faults}{more}.", "See: the recipe's reference in the docs.")
    whole: Recipe = _with_defaults(recipe, schema("recipe"), schema("recipe"))
    if whole["schedule"]["steps"] is None:
        whole["schedule"]["steps"] = whole["budget"]["steps"]  # a longer budget later does not bend the schedule
    return whole


def _with_defaults(value: Any, part: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Return a copy in which every field that the schema gives a default is written out."""
    part = root["$defs"].get(str(part.get("$ref", "")).removeprefix("#/$defs/"), {}) | part
    if isinstance(value, list):
        return [_with_defaults(entry, part.get("items", {}), root) for entry in value]
    if not isinstance(value, dict):
        return value
    fields = part.get("properties", {})
    given = {name: copy.deepcopy(field["default"]) for name, field in fields.items() if "default" in field} | value
    other = part.get("additionalProperties")
    rest = other if isinstance(other, dict) else {}
    return {name: _with_defaults(entry, fields.get(name, rest), root) for name, entry in given.items()}
