"""What a schema cannot say: names against files, bounds against one another, bundled files against their hashes."""

from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Iterator
from typing import Any

from aigc_core.manifest import options
from aigc_core.manifest.against_schema import check_against
from aigc_core.manifest.lines import Path
from aigc_core.manifest.model import leaves_folder
from aigc_core.manifest.plugin import PluginManifest
from aigc_core.manifest.problems import did_you_mean, expected, place, plain, shown
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.manifest.report import Report
from aigc_core.weights import sha256_of


def check_model(document: dict[str, Any], path: str, report: Report) -> None:
    """Check a model manifest whose types are sound; ``path`` is its file."""
    name = os.path.basename(path).removesuffix(".json")
    if document.get("id", name) != name:
        message = f"The id is {shown(document['id'])}, the file is called {shown(os.path.basename(path))}."
        report.add(
            "wrong-name", ("id",), plain(message), plain(f'It takes "{name}", or call the file {document["id"]}.json.')
        )
    folder = os.path.dirname(os.path.dirname(path))
    _check_options(document, report)
    _check_pair(document.get("use", {}).get("output", {}), ("use", "output", "range"), report)
    for index, score in enumerate(document.get("scores", [])):
        _check_pair(score or {}, ("scores", index, "interval"), report)
    _check_files(document, folder, report)
    _check_architecture(document.get("code", {}), folder, report)
    _check_repeated(document.get("capabilities", []), ("capabilities",), report)
    _check_repeated(document.get("weights", {}).get("files", []), ("weights", "files"), report, "path")
    _check_repeated(document.get("scores", []), ("scores",), report, "metric")


def check_plugin(document: dict[str, Any], path: str, report: Report) -> None:
    """Check a plugin manifest whose types are sound."""
    from aigc_core.hookspecs import NAMES

    hooks = document.get("hooks", [])
    for index, hook in enumerate(hooks):
        if hook not in (*NAMES, None):
            hint = f"{did_you_mean(hook, NAMES)}The hooks are {', '.join(NAMES)}."
            report.add("unknown-hook", ("hooks", index), f"{shown(hook)} is no hook.", hint)
    _check_repeated(hooks, ("hooks",), report)


def _check_repeated(entries: list[Any], path: Path, report: Report, field: str = "") -> None:
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
    _check_repeated(entry.get("enum", []), (*path, "enum"), report)
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


def _check_files(document: dict[str, Any], folder: str, report: Report) -> None:
    bundled = document.get("weights", {}).get("source") == "bundled"
    for path, field, entry in _named_files(document):
        name, at = entry.get(field), (*path, field)
        if name is None:
            continue
        real, inside = os.path.realpath(os.path.join(folder, name)), os.path.realpath(folder) + os.sep
        if leaves_folder(name) or (bundled and not real.startswith(inside)):
            hint = "It takes a relative path with forward slashes, such as weights/model.safetensors."
            report.add("path-escapes", at, f"{place(at)} is {shown(name)}, which leaves the folder.", hint)
        elif bundled:
            _check_file(real, entry if field != "noise" else {}, path, field, report)


def _named_files(document: dict[str, Any]) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Yield each object that names a file, with the field that does."""
    for index, entry in enumerate(document.get("weights", {}).get("files", [])):
        yield ("weights", "files", index), "path", entry or {}
    yield ("origin",), "recipe", document.get("origin", {})
    for index, entry in enumerate(document.get("golden", [])):
        for field in ("noise", "output"):
            yield ("golden", index), field, entry or {}


def _check_file(real: str, entry: dict[str, Any], path: Path, field: str, report: Report) -> None:
    try:
        if not os.path.isfile(real):  # to open a pipe would wait for ever
            raise OSError(errno.ENOENT, "there is no such file")
        size = os.path.getsize(real)
        if entry.get("size", size) != size:
            message = f"{plain(real)} has {size} bytes, the manifest says {shown(entry['size'])}."
            report.add("wrong-size", (*path, "size"), message, f"It takes {size}, if the file is right.")
            return
        sha256 = sha256_of(real)  # of any file, for this also finds out whether it can be read
    except OSError as error:
        hint = "Put the file there, or correct the path; it counts from the folder above models/."
        message = f"{plain(real)} cannot be read: {(error.strerror or str(error)).lower()}."
        report.add("missing-file", (*path, field), message, hint)
        return
    if entry.get("sha256", sha256) != sha256:
        message = f"{plain(real)} has another SHA-256 than the manifest says."
        report.add("wrong-hash", (*path, "sha256"), message, f'It takes "{sha256}", if the file is right.')


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
