"""The full check of a manifest: every fault at once, each with its place and what a right value looks like."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

from aigc_core.manifest import converters
from aigc_core.manifest.against_schema import check_against
from aigc_core.manifest.cross_checks import check_model
from aigc_core.manifest.lines import Path, scan
from aigc_core.manifest.plugin_checks import check_plugin
from aigc_core.manifest.problems import Problem, kind_of, place, plain
from aigc_core.manifest.read import MAX_DEPTH, Malformed, read_text
from aigc_core.manifest.report import Report
from aigc_core.manifest.schema import schema


def validate_model(path: str) -> list[Problem]:
    """Return every problem of a model manifest, by line; files that it bundles are checked too."""
    return _validate(path, "model", check_model)


def validate_plugin(path: str) -> list[Problem]:
    """Return every problem of a ``plugin.json``, by line. Nothing that it names is imported."""
    return _validate(path, "plugin", check_plugin)


def _validate(path: str, kind: str, cross_check: Callable[[Any, str, Report], None]) -> list[Problem]:
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
    report = Report(lines)
    _check_text(document, report)
    if kind in converters.LAYOUTS and converters.is_old(kind, document):
        told = f"The manifest has layout {document['schema']}, today's is {converters.LAYOUTS[kind]}."
        report.add("old-layout", ("schema",), told, "Convert it: aigc-zoo check --fix, and look at what that changes.")
        return report.problems
    if check_against(document, schema(kind), (), report):
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


def _check_text(document: dict[str, Any], report: Report) -> None:
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
