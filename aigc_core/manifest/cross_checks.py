"""What a schema cannot say of a model: names against one another and against files, bounds, a config's own schema."""

from __future__ import annotations

import itertools
import json
import os
from typing import Any

from aigc_core.manifest import options
from aigc_core.manifest.against_schema import check_against
from aigc_core.manifest.bundled_files import check_files
from aigc_core.manifest.lines import Path
from aigc_core.manifest.model import TAKES_IMAGES, interpolates_samples
from aigc_core.manifest.plugin import PluginManifest
from aigc_core.manifest.problems import did_you_mean, expected, place, plain, shown
from aigc_core.manifest.provenance import check_provenance
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.manifest.report import Report


def check_model(document: dict[str, Any], path: str, report: Report) -> None:
    """Check a model manifest whose types are sound; ``path`` is its file."""
    name = os.path.basename(path).removesuffix(".json")
    beside = name == "aigc-zoo"  # the manifest of a repository or folder of its own, whose files lie beside it
    if document.get("id", name) != name and not beside:
        message = f"The id is {shown(document['id'])}, the file is called {shown(os.path.basename(path))}."
        report.add(
            "wrong-name", ("id",), plain(message), plain(f'It takes "{name}", or call the file {document["id"]}.json.')
        )
    folder = os.path.dirname(path) if beside else os.path.dirname(os.path.dirname(path))
    _check_options(document, report)
    for side in ("input", "output"):
        _check_pair(document.get("use", {}).get(side, {}), ("use", side, "range"), report)
    _check_shapes(document, report)
    for index, score in enumerate(document.get("scores", [])):
        _check_pair(score or {}, ("scores", index, "interval"), report)
    check_files(document, folder, report)
    _check_architecture(_judged_code(document), folder, report)
    check_repeated(document.get("capabilities", []), ("capabilities",), report)
    check_repeated(document.get("weights", {}).get("files", []), ("weights", "files"), report, "path")
    check_repeated(document.get("scores", []), ("scores",), report, "metric")
    check_provenance(document, report)


def check_repeated(entries: list[Any], path: Path, report: Report, field: str = "") -> None:
    """Report each entry of an array that is there before; with ``field``, entries are compared by that field."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        value = (entry or {}).get(field) if field else entry
        at = (*path, index, field) if field else (*path, index)
        if value is not None and at not in report.faulty and seen.setdefault(json.dumps(value), index) != index:
            first = place((*path, seen[json.dumps(value)]))
            report.add("duplicate-entry", at, f"{shown(value)} is there already, as {first}.", "Remove one of the two.")


def _check_pair(entry: dict[str, Any], path: Path, report: Report) -> None:
    low, high = entry.get(str(path[-1])) or (None, None)
    if low is None or high is None or low < high or (low == high and path[-1] == "interval"):
        return
    message = f"{place(path)} has {shown(low)} as low and {shown(high)} as high end."
    report.add("empty-range", path, message, "It takes the low end, then the high end, such as [-1, 1].")


def _check_shapes(document: dict[str, Any], report: Report) -> None:
    """Check that a model that takes images says which, and that they are of the sizes of those that it makes."""
    use, able = document.get("use", {}), document.get("capabilities", [])
    takes = [name for name in TAKES_IMAGES if name in able]
    if interpolates_samples(able, "input" in use):
        takes = []
    if takes and "input" not in use and ("use", "input") not in report.faulty:
        message = f"use has no input, and the model is said to {takes[0]}."
        example = '{"kind": "image", "shape": [1, 28, 28], "range": [0, 1]}'
        report.add("missing-field", ("use", "input"), message, f'Add "input", such as {example}.')
    taken, made = (_sizes(use, side, report) for side in ("input", "output"))
    if "generate" in able and None in made:
        hint = "It takes numbers; null is for a model that only follows the images that it is given."
        report.add("shapes-disagree", ("use", "output", "shape"), "A model that generates has a size of its own.", hint)
    elif taken.count(None) == 1:
        message, hint = "One side follows the image's, the other does not.", "It takes two numbers, or null twice."
        report.add("shapes-disagree", ("use", "input", "shape"), message, hint)
    elif taken and made and not _fit(taken, made, able):
        hint = f"It takes {json.dumps(made)}, as under use.output."
        message = f"Images go in as {json.dumps(taken)} and come out as {json.dumps(made)}."
        report.add("shapes-disagree", ("use", "input", "shape"), message, hint)


def _fit(taken: list[int | None], made: list[int | None], able: list[str]) -> bool:
    """Say whether images can go in and come out so: as they went in, but for the colours that a translator changes."""
    recolours = "translate" in able and not {"reconstruct", "interpolate"} & {*able}
    return (taken[0] == made[0] or recolours) and (taken[1:] == made[1:] or taken.count(None) == 2)


def _sizes(use: dict[str, Any], side: str, report: Report) -> list[int | None]:
    """Return the shape of an image that goes in or comes out; nothing where there is none that is right by itself."""
    entry, path = use.get(side) or {}, ("use", side, "shape")
    shape: list[int | None] = entry.get("shape") or []
    if entry.get("kind") != "image" or len(shape) != 3 or any((*path, at) in report.faulty for at in range(3)):
        return []
    return shape


def _check_options(document: dict[str, Any], report: Report) -> None:
    base: Path = ("use", "options", "properties")
    for name, entry in document.get("use", {}).get("options", {}).get("properties", {}).items():
        path = (*base, name)
        if name in options.RESERVED:
            hint = f"Call it otherwise, such as {'model_' + name}."
            report.add("option-collides", path, f"{name} is a flag or parameter of the core's own.", hint, True)
        if "type" in entry:
            _check_option(entry, path, report)


def _check_option(entry: dict[str, Any], path: Path, report: Report) -> None:
    kind = {"type": entry["type"]}
    for index, value in enumerate(entry.get("enum", [])):
        if value is not None and options.problem(value, kind):
            report.add(
                "wrong-type", (*path, "enum", index), f"{shown(value)} is no value of this option.", expected(kind)
            )
    check_repeated(entry.get("enum", []), (*path, "enum"), report)
    if not _check_bounds(entry, path, report) and "default" in entry and options.problem(entry["default"], entry):
        message = f"The default {shown(entry['default'])} is none of the values that the option takes."
        report.add("bad-default", (*path, "default"), message, expected(entry))


def _check_bounds(entry: dict[str, Any], path: Path, report: Report) -> bool:
    lows = [key for key in ("minimum", "exclusiveMinimum") if key in entry]
    highs = [key for key in ("maximum", "exclusiveMaximum") if key in entry]
    for low, high in itertools.product(lows, highs):
        inclusive = (low, high) == ("minimum", "maximum")
        if entry[low] > entry[high] or (entry[low] == entry[high] and not inclusive):
            message = f"No value lies between {low} {shown(entry[low])} and {high} {shown(entry[high])}."
            report.add("empty-range", (*path, low), message, f"It takes a number below {shown(entry[high])}.")
            return True
    return False


def _judged_code(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a manifest says of its code; without the config where a file of the repository completes that."""
    code: dict[str, Any] = document.get("code", {})
    weights = document.get("weights", {})
    names = [str((file or {}).get("path", "")).rpartition("/")[2] for file in weights.get("files", [])]
    if weights.get("source") == "hub" and "config.json" in names:
        return {field: value for field, value in code.items() if field != "config"}
    return code


def _check_architecture(code: dict[str, Any], folder: str, report: Report) -> None:
    """Check the architecture and its config against the plugin whose folder the manifest lies in, if that runs it."""
    architecture, plugin_json = code.get("architecture"), os.path.join(folder, "plugin.json")
    if architecture is None or not os.path.exists(plugin_json):
        return
    try:
        plugin = PluginManifest.read(plugin_json)
    except Malformed:
        return  # plugin.json has problems of its own
    if plugin.name != code.get("plugin"):
        return
    known = plugin.components.get("generators", {})
    if architecture not in known:
        message = f"Plugin {plain(plugin.name)} has no generator {architecture}."
        hint = f"{did_you_mean(architecture, known)}It takes one of {plain(', '.join(known))}."
        report.add("unknown-architecture", ("code", "architecture"), message, hint)
    schema = os.path.join(folder, "architectures", f"{architecture}.schema.json")
    if "config" in code and os.path.exists(schema):
        _check_config(code["config"], schema, report)


def _check_config(config: dict[str, Any], schema: str, report: Report) -> None:
    from jsonschema import Draft202012Validator

    try:
        document = read_object(schema)
        Draft202012Validator.check_schema(document)
        check_against(config, document, ("code", "config"), report)
    except Exception as error:  # whatever a schema that others wrote can cause: a bad pattern, a loop, a reference
        reason = plain(str(error).strip().partition("\n")[0][:200]).rstrip(".")
        hint = f"Correct {plain(schema)}; it takes a JSON Schema 2020-12 that refers to nothing outside itself."
        message = f"The schema of {os.path.basename(schema).removesuffix('.schema.json')} cannot be used: {reason}."
        report.add("unusable-schema", ("code", "architecture"), message, hint)
