"""Where facts come from: each pointer under ``provenance`` must name something that is in the manifest."""

from __future__ import annotations

import re
from typing import Any

from aigc_core.manifest.lines import Path, pointer
from aigc_core.manifest.problems import near, place, plain, shown
from aigc_core.manifest.report import Report


def check_provenance(document: dict[str, Any], report: Report) -> None:
    """Check the pointers of a model manifest whose types are sound."""
    for index, entry in enumerate(document.get("provenance", [])):
        for number, fact in enumerate((entry or {}).get("facts", [])):
            if fact is not None:
                _check_fact(fact, document, ("provenance", index, "facts", number), report)


def _check_fact(fact: str, document: dict[str, Any], at: Path, report: Report) -> None:
    value: Any = document
    path: Path = ()
    for part in fact.split("/")[1:]:
        key = _key(part, value)
        if (*path, key) in report.faulty:
            return  # that has a problem of its own
        if not _has(value, key):
            message = plain(f"{place(at)} is {shown(fact)}, but {place(path)} has no {str(key)[:60]}.")
            report.add("unknown-fact", at, message, _hint(path, key, value))
            return
        path, value = (*path, key), value[key]


def _key(part: str, value: Any) -> str | int:
    """Return what a part of a pointer means in a value: a field's name or an array's position."""
    part = part.replace("~1", "/").replace("~0", "~")
    return int(part) if isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,6}", part) else part


def _has(value: Any, key: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


def _hint(path: Path, key: str | int, value: Any) -> str:
    if isinstance(value, list) and value:
        return f"The entries there are {pointer((*path, 0))} to {pointer((*path, len(value) - 1))}."
    if isinstance(value, dict) and (meant := near(str(key), value)):
        return f"Did you mean {pointer((*path, meant))}?"
    return 'It takes a JSON pointer to a value in this manifest, such as "/weights/revision".'
