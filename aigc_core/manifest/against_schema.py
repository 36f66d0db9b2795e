"""A value against a JSON Schema: the library finds the faults, here they get their code, place and hint."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from aigc_core.manifest.lines import Path
from aigc_core.manifest.problems import did_you_mean, expected, kind_of, near, place, shown
from aigc_core.manifest.report import Report

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

MAX_FAULTS = 2000


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


def check_against(value: Any, schema: dict[str, Any], base: Path, report: Report) -> bool:
    """Report every fault of a value at ``base``. Return False where there are too many to go on."""
    from referencing import Registry

    # An empty registry, for the default one would fetch a schema's remote references.
    validator = _validator_class()(schema, registry=Registry())
    errors = list(itertools.islice(validator.iter_errors(value), MAX_FAULTS))
    # A misspelt field comes before the missing one that it explains, and a wrong type before what follows from it.
    for error in sorted(errors, key=lambda error: (error.validator == "required", error.validator != "type")):
        tell = _TELL.get(str(error.validator), _tell_value)
        tell(error, schema, base, report)
    return len(errors) < MAX_FAULTS and report.room > 0


@cache
def _validator_class() -> type[Validator]:
    from jsonschema import Draft202012Validator, validators

    # The standard takes 1.0 for an integer; what reads a manifest, a config included, does not.
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda checker, value: type(value) is int)
    extend: Callable[..., type[Validator]] = validators.extend
    return extend(Draft202012Validator, type_checker=types)


def _tell_missing(error: ValidationError, schema: dict[str, Any], base: Path, report: Report) -> None:
    path, required = (*base, *error.path), cast("list[str]", error.validator_value)
    for name in required:
        if name not in cast("dict[str, Any]", error.instance) and (*path, name) not in report.faulty:
            field = _part(schema, (*error.path, name))
            hint = f'Add "{name}". {_described(field)}'
            report.add("missing-field", (*path, name), f"{place(path)} has no {name}.", hint)


def _tell_unknown(error: ValidationError, schema: dict[str, Any], base: Path, report: Report) -> None:
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


def _tell_value(error: ValidationError, schema: dict[str, Any], base: Path, report: Report) -> None:
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
