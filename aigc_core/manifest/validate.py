"""The full check of a manifest: every fault at once, each with its place and what a right value looks like."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from aigc_core.manifest import options
from aigc_core.manifest.lines import Lines, Path, pointer, scan
from aigc_core.manifest.model import leaves_folder
from aigc_core.manifest.plugin import PluginManifest
from aigc_core.manifest.problems import Problem, did_you_mean, expected, kind_of, near, place, plain, shown
from aigc_core.manifest.read import MAX_DEPTH, Malformed, read_object, read_text

if TYPE_CHECKING:
    from jsonschema import ValidationError

MAX_FAULTS = 2000
MAX_REPORT = 500_000
"""Characters. A report that is longer helps nobody; without an end, a hostile file could fill the memory."""


def validate_model(path: str) -> list[Problem]:
    """Return every problem of a model manifest, by line; files that it bundles are checked too."""
    return _validate(path, "model", _check_model)


def validate_plugin(path: str) -> list[Problem]:
    """Return every problem of a ``plugin.json``, by line. Nothing that it names is imported."""
    return _validate(path, "plugin", _check_plugin)


class _Report:
    """The problems of one file, as they are found."""

    def __init__(self, lines: Lines) -> None:
        self.lines, self.room = lines, MAX_REPORT
        self.problems: list[Problem] = []
        self.faulty: set[Path] = set()

    def add(self, code: str, path: Path, message: str, hint: str, name: bool = False, line: int = 0) -> None:
        """Note a problem of the value at ``path`` or, with ``name``, of the field's name."""
        if self.room > 0:
            self.faulty.add(path)
            self.problems.append(Problem(code, pointer(path), line or self.lines.of(path, name), message, hint))
            self.room -= sum(map(len, (self.problems[-1].pointer, message, hint)))

    def sound(self, value: Any, path: Path = ()) -> Any:
        """Return a copy without the faulty values, so that what remains is of the types that the schema asks for."""
        if isinstance(value, dict):
            entries = (((*path, key), key, entry) for key, entry in value.items())
            return {key: self.sound(entry, at) for at, key, entry in entries if at not in self.faulty}
        if isinstance(value, list):  # None keeps the positions of the others
            places = (((*path, index), entry) for index, entry in enumerate(value))
            return [None if at in self.faulty else self.sound(entry, at) for at, entry in places]
        return value


def _validate(path: str, kind: str, cross_check: Callable[[Any, str, _Report], None]) -> list[Problem]:
    try:
        text = read_text(path)
    except Malformed as error:
        return [_unreadable(error)]
    lines = scan(text)
    try:
        # int() refuses thousands of digits with an error that says no place; infinity is reported with its own.
        document = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= 308 else math.inf)
    except json.JSONDecodeError as error:
        hint = (
            "Look for a comma too many or too few, single quotes, a comment or a byte order mark, here or just before."
        )
        return [Problem("json-syntax", "", error.lineno, f"The text is no JSON: {error.msg.lower()}.", hint)]
    except RecursionError:
        document = {}
    if lines.too_deep:
        message = f"The manifest is nested more than {MAX_DEPTH} levels deep here."
        return [Problem("too-deep", "", lines.too_deep, message, "Every known field is within 10 levels.")]
    if not isinstance(document, dict):
        message = f"The manifest is {kind_of(document)}."
        return [Problem("not-an-object", "", lines.root.line, message, 'It takes an object, such as {"schema": 1}.')]
    report = _Report(lines)
    _check_text(document, report)
    if _against_schema(document, _schema(kind), (), report):
        cross_check(report.sound(document), os.path.abspath(path), report)
    return sorted(report.problems, key=lambda problem: (problem.line, problem.pointer))


def _unreadable(error: Malformed) -> Problem:
    cause, sentence = error.__cause__, plain(f"{error}.")
    if isinstance(cause, UnicodeDecodeError):
        line = cause.object[: cause.start].count(b"\n") + 1
        return Problem("not-utf8", "", line, sentence, "Save the file as UTF-8.")
    if isinstance(cause, OSError):
        return Problem("unreadable", "", 1, sentence, "Give the path of a file that you can read.")
    return Problem("too-large", "", 1, sentence, "Keep data in files of their own and name their paths.")


def _check_text(document: dict[str, Any], report: _Report) -> None:
    """Find what Python's JSON reader lets through although other programs do not."""
    for path, line in report.lines.duplicates:
        message, hint = f"{place(path)} is there twice in one object.", "Remove one of the two."
        report.add("duplicate-key", path, message, hint, line=line)
    for path, value in _leaves(document, ()):
        if isinstance(value, float) and not math.isfinite(value):
            hint = "It takes a finite number, such as 0.5."
            report.add("not-portable", path, f"{place(path)} is a number that JSON cannot hold.", hint)
        if isinstance(value, str) and plain(value) != value:
            hint = "Write the character itself, such as \\u00e9 or é, or both halves of the pair."
            report.add("not-portable", path, f"{place(path)} has half of a surrogate pair.", hint)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every value without parts, and every field's name, with its path."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield (*path, key), key
            yield from _leaves(entry, (*path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _leaves(entry, (*path, index))
    else:
        yield path, value


@cache
def _schema(kind: str) -> dict[str, Any]:
    return read_object(os.path.join(os.path.dirname(__file__), "schemas", f"{kind}.schema.json"))


# --- Against the JSON Schema ---

_CODES = {
    "type": "wrong-type",
    "pattern": "bad-form",
    **dict.fromkeys(("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"), "out-of-range"),
    **dict.fromkeys(("minLength", "minItems", "minProperties"), "too-short"),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties"), "too-long"),
}
_SENTENCES = {
    "wrong-type": "{} is {}.",
    "not-allowed": "{} is {}, which is not allowed here.",
    "bad-form": "{} is {}, which is not in the right form.",
    "out-of-range": "{} is {}, which is out of range.",
    "too-short": "{} is too short or has too few entries.",
    "too-long": "{} is too long or has too many entries.",
}


def _against_schema(value: Any, schema: dict[str, Any], base: Path, report: _Report) -> bool:
    """Report every fault of a value at ``base``. Return False where there are too many to go on."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry, for the default one would fetch a schema's remote references.
    validator = Draft202012Validator(schema, registry=Registry())
    errors = list(itertools.islice(validator.iter_errors(value), MAX_FAULTS))
    # A misspelt field comes before the missing one that it explains, and a wrong type before what follows from it.
    for error in sorted(errors, key=lambda error: (error.validator == "required", error.validator != "type")):
        tell = _TELL.get(str(error.validator), _tell_value)
        tell(error, schema, base, report)
    return len(errors) < MAX_FAULTS and report.room > 0


def _tell_missing(error: ValidationError, schema: dict[str, Any], base: Path, report: _Report) -> None:
    path, required = (*base, *error.path), cast("list[str]", error.validator_value)
    for name in required:
        if name not in cast("dict[str, Any]", error.instance) and (*path, name) not in report.faulty:
            field = _part(schema, (*error.path, name))
            hint = f'Add "{name}". {_described(field)}'
            report.add("missing-field", (*path, name), f"{place(path)} has no {name}.", hint)


def _tell_unknown(error: ValidationError, schema: dict[str, Any], base: Path, report: _Report) -> None:
    path = (*base, *error.path)
    known = cast("dict[str, Any]", error.schema).get("properties", {})
    found = cast("dict[str, Any]", error.instance)
    absent = [name for name in known if name not in found]
    patterns = cast("dict[str, Any]", error.schema).get("patternProperties", {})
    for name in [name for name in found if name not in known and not any(re.search(p, name) for p in patterns)]:
        if report.room <= 0:
            return
        meant = near(name, absent)
        hint = f"Did you mean {meant}?" if meant else f"The fields here are {', '.join(known)}."
        report.add("unknown-field", (*path, name), f"{place((*path, name))} is no field that is known.", hint, True)
        if meant:
            report.faulty.add((*path, meant))


def _tell_value(error: ValidationError, schema: dict[str, Any], base: Path, report: _Report) -> None:
    path, value, keyword = (*base, *error.path), error.instance, str(error.validator)
    of_a_name = "propertyNames" in error.schema_path
    if of_a_name:
        path = (*path, str(value))
    if path in report.faulty:
        return
    code = _CODES.get(keyword, "not-allowed")
    field = _part(schema, error.path) | {keyword: error.validator_value}
    if keyword == "not" and error.validator_value == {}:  # so a condition forbids a field
        message, hint = f"{place(path)} has no meaning here.", "Leave it out."
        report.add("unknown-field", path, message, hint, True)
    elif of_a_name:
        message = f"{shown(value)} cannot be the name of a field here."
        report.add(code, path, message, str(field.get("description", "")), True)
    else:
        usual = field.get("examples", [])
        close = did_you_mean(value, field.get("enum") or (usual if len(usual) > 1 else []))
        hint = close + (_described(field) if code == "bad-form" else expected(field))
        found = kind_of(value) if code == "wrong-type" else shown(value)
        report.add(code, path, _SENTENCES[code].format(place(path), found), hint)


_TELL = {"required": _tell_missing, "additionalProperties": _tell_unknown}


def _described(field: dict[str, Any]) -> str:
    return " ".join(filter(None, [str(field.get("description", "")), expected(field)]))


def _part(schema: dict[str, Any], path: Iterable[str | int]) -> dict[str, Any]:
    """Return the schema of the value at a path, without what conditions add."""

    def resolved(part: Any) -> dict[str, Any]:
        part = part if isinstance(part, dict) else {}
        shared = schema.get("$defs", {}).get(str(part.get("$ref", "")).removeprefix("#/$defs/"), {})
        return {**shared, **part} if isinstance(shared, dict) else part

    part = resolved(schema)
    for key in path:
        if isinstance(key, int):
            part = resolved(part.get("items"))
        else:
            part = resolved(part.get("properties", {}).get(key, part.get("additionalProperties")))
    return part


# --- What a schema cannot say ---


def _check_model(document: dict[str, Any], path: str, report: _Report) -> None:
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


def _check_plugin(document: dict[str, Any], path: str, report: _Report) -> None:
    from aigc_core.hookspecs import NAMES

    hooks = document.get("hooks", [])
    for index, hook in enumerate(hooks):
        if hook not in (*NAMES, None):
            hint = f"{did_you_mean(hook, NAMES)}The hooks are {', '.join(NAMES)}."
            report.add("unknown-hook", ("hooks", index), f"{shown(hook)} is no hook.", hint)
    _check_repeated(hooks, ("hooks",), report)


def _check_repeated(entries: list[Any], path: Path, report: _Report, field: str = "") -> None:
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        value = (entry or {}).get(field) if field else entry
        at = (*path, index, field) if field else (*path, index)
        if value is not None and at not in report.faulty and seen.setdefault(json.dumps(value), index) != index:
            first = place((*path, seen[json.dumps(value)]))
            report.add("duplicate-entry", at, f"{shown(value)} is there already, as {first}.", "Remove one of the two.")


def _check_pair(entry: dict[str, Any], path: Path, report: _Report) -> None:
    low, high = entry.get(str(path[-1])) or (None, None)
    if low is None or high is None or low < high or (low == high and path[-1] == "interval"):
        return
    message = f"{place(path)} has {shown(low)} as low and {shown(high)} as high end."
    report.add("empty-range", path, message, "It takes the low end, then the high end, such as [-1, 1].")


def _check_options(document: dict[str, Any], report: _Report) -> None:
    base: Path = ("use", "options", "properties")
    for name, entry in document.get("use", {}).get("options", {}).get("properties", {}).items():
        path = (*base, name)
        if name in options.RESERVED:
            hint = f"Call it otherwise, such as {'model_' + name}."
            report.add("option-collides", path, f"{name} is a flag or parameter of the core's own.", hint, True)
        if "type" in entry:
            _check_option(entry, path, report)


def _check_option(entry: dict[str, Any], path: Path, report: _Report) -> None:
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


def _check_bounds(entry: dict[str, Any], path: Path, report: _Report) -> bool:
    lows = [key for key in ("minimum", "exclusiveMinimum") if key in entry]
    highs = [key for key in ("maximum", "exclusiveMaximum") if key in entry]
    for low, high in itertools.product(lows, highs):
        inclusive = (low, high) == ("minimum", "maximum")
        if entry[low] > entry[high] or (entry[low] == entry[high] and not inclusive):
            message = f"No value lies between {low} {shown(entry[low])} and {high} {shown(entry[high])}."
            report.add("empty-range", (*path, low), message, f"It takes a number below {shown(entry[high])}.")
            return True
    return False


def _check_files(document: dict[str, Any], folder: str, report: _Report) -> None:
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


def _check_file(real: str, entry: dict[str, Any], path: Path, field: str, report: _Report) -> None:
    try:
        size = os.path.getsize(real)
        if entry.get("size", size) != size:
            message = f"{plain(real)} has {size} bytes, the manifest says {shown(entry['size'])}."
            report.add("wrong-size", (*path, "size"), message, f"It takes {size}, if the file is right.")
            return
        sha256 = _sha256(real)  # of any file, for this also finds out whether it can be read
    except OSError as error:
        hint = "Put the file there, or correct the path; it counts from the folder above models/."
        message = f"{plain(real)} cannot be read: {(error.strerror or str(error)).lower()}."
        report.add("missing-file", (*path, field), message, hint)
        return
    if entry.get("sha256", sha256) != sha256:
        message = f"{plain(real)} has another SHA-256 than the manifest says."
        report.add("wrong-hash", (*path, "sha256"), message, f'It takes "{sha256}", if the file is right.')


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _check_architecture(code: dict[str, Any], folder: str, report: _Report) -> None:
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


def _check_config(config: dict[str, Any], schema: str, report: _Report) -> None:
    from jsonschema import Draft202012Validator

    try:
        document = read_object(schema)
        Draft202012Validator.check_schema(document)
        _against_schema(config, document, ("code", "config"), report)
    except Exception as error:  # whatever a schema that others wrote can cause: a bad pattern, a loop, a reference
        reason = plain(str(error).strip().partition("\n")[0][:200]).rstrip(".")
        hint = f"Correct {plain(schema)}; it takes a JSON Schema 2020-12 that refers to nothing outside itself."
        message = f"The schema of {os.path.basename(schema).removesuffix('.schema.json')} cannot be used: {reason}."
        report.add("unusable-schema", ("code", "architecture"), message, hint)
