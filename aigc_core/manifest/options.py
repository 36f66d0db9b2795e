"""A model's own options: a JSON Schema of scalars and lists of texts that becomes flags, documentation and checks.

The schema is a small subset (one flat object; number, integer, string, boolean, array of strings; bounds and enum), so
that checking a value needs no library on the way of ``run``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aigc_core.errors import WrongUse, did_you_mean

RESERVED = (
    "accept_licence", "again", "as_json", "batch_size", "chat", "count", "debug", "device", "dtype", "engine", "given",
    "help", "images", "indices", "json", "latent", "latents", "locked", "model", "n", "name", "no_stream", "noise", "o",
    "one", "other", "output", "precision", "prompt_file", "prompt_text", "q", "quiet", "save_latent", "seed", "self",
    "start", "stream", "threads",
)  # fmt: skip
"""Flags and parameters of the core's own verbs; an option of a model cannot have such a name."""

TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
    "array": (list, tuple),
}
ITEMS = {"type": "string"}
"""What every array is one of."""
_WORDS = {"number": "a number", "integer": "an integer", "array": "a list of strings"}

_BOUNDS: dict[str, tuple[str, Any]] = {
    "minimum": ("at least", lambda value, bound: value >= bound),
    "exclusiveMinimum": ("above", lambda value, bound: value > bound),
    "maximum": ("at most", lambda value, bound: value <= bound),
    "exclusiveMaximum": ("below", lambda value, bound: value < bound),
}


def check_schema(schema: Any) -> str:
    """Return what makes an options schema unusable, starting with its place (``.truncation.type ...``), or nothing."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return " is no JSON Schema of an object"
    for name, entry in properties.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            return f".{name} is no option name: lower-case letters, digits and underscores"
        if name in RESERVED:
            return f".{name} collides with a flag of the core's own"
        if name.removeprefix("no_") != name and name.removeprefix("no_") in properties:
            return f".{name} collides with the flag that turns {name.removeprefix('no_')} off"
        if not isinstance(entry, dict) or entry.get("type") not in tuple(TYPES):  # it may be unhashable
            return f".{name} has no type among {', '.join(TYPES)}"
        if entry["type"] == "array" and entry.get("items") != ITEMS:
            return f'.{name}.items is not {{"type": "string"}}, all that an array can be of'
        if any(key in entry and not _is(entry[key], "number") for key in _BOUNDS):
            return f".{name} has a bound that is no number"
        if not isinstance(entry.get("description", ""), str):
            return f".{name}.description is no text"
        if not isinstance(entry.get("enum", []), list):
            return f".{name}.enum is no list"
        if "default" in entry and (reason := problem(entry["default"], entry)):
            return f".{name}.default {reason}"
    return ""


def check(options: Mapping[str, Any], schema: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return the given options with the defaults filled in. Raises ``WrongUse`` with the first one that is wrong."""
    properties = schema.get("properties", {})
    for name, value in options.items():
        if name not in properties:
            known = f" It takes {', '.join(properties)}." if properties else " It takes none."
            raise WrongUse(f"{model} has no option {name}.{did_you_mean(name, list(properties))}{known}")
        if reason := problem(value, properties[name]):
            raise WrongUse(f"Option {name} of {model} {reason}.")
    defaults = {name: entry["default"] for name, entry in properties.items() if "default" in entry}
    # 2.0 and a tuple are fine, and a receipt holds them as JSON does.
    plain: dict[str, Any] = {"integer": int, "array": list}
    return {
        name: plain.get(properties[name]["type"], lambda same: same)(value)
        for name, value in (defaults | dict(options)).items()
    }


def problem(value: Any, entry: Mapping[str, Any]) -> str:
    """Return what is wrong with a value (``is 3, it takes at most 1``), or an empty string."""
    if not _is(value, entry["type"]):
        return f"is {value!r}, it takes {_WORDS.get(entry['type'], 'a ' + entry['type'])}"
    if "enum" in entry and value not in [member for member in entry["enum"] if _is(member, entry["type"])]:
        return f"is {value!r}, it takes one of {', '.join(map(repr, entry['enum']))}"
    bounds = _BOUNDS if entry["type"] in ("number", "integer") else {}
    for key, (words, holds) in bounds.items():
        if key in entry and not holds(value, entry[key]):
            return f"is {value!r}, it takes {words} {entry[key]}"
    return ""


def _is(value: Any, kind: str) -> bool:
    # JSON knows no NaN or infinity, and a bool is no number, although Python's is an int.
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float):  # 2.0 is a whole number in JSON Schema
        return abs(value) < float("inf") and (kind == "number" or (kind == "integer" and value.is_integer()))
    if isinstance(value, (list, tuple)):
        return kind == "array" and all(isinstance(item, str) for item in value)
    return isinstance(value, TYPES[kind])
