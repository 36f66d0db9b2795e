"""Reading a JSON file that somebody else wrote: bounded, and with one sentence where it is unusable."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from math import isinf
from typing import Any

MAX_BYTES = 1_000_000
"""A manifest is a page of text; one above this is refused before it is parsed."""
MAX_DEPTH = 64
"""Objects and arrays inside one another."""


class Malformed(Exception):
    """Says why a document cannot be used at all."""


def read_text(path: str, limit: int = MAX_BYTES) -> str:
    """Read a manifest's text. Raises ``Malformed`` where the file is missing, too large or no UTF-8."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # to read a pipe would wait for ever
            raise OSError("it is no file")
        with open(path, "rb") as stream:
            data = stream.read(min(limit, os.fstat(stream.fileno()).st_size) + 1)  # sets so much memory aside
    except OSError as error:
        raise Malformed(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    if len(data) > limit:
        raise Malformed(f"{path} is larger than {limit:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{path} is not UTF-8 text (byte {error.start})") from error


def read_object(path: str, limit: int = MAX_BYTES) -> dict[str, Any]:
    """Read a JSON object of at most ``limit`` bytes. Raises ``Malformed`` with file and line."""
    text = read_text(path, limit)
    try:
        document = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if "\\u" in text:  # as half a surrogate pair is written, at which listing it would fail
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise Malformed(f"{path}, line {error.lineno}: {error.msg.lower()}") from error
    except (RecursionError, ValueError) as error:  # too deep, thousands of digits, 1e999, half a surrogate pair
        raise Malformed(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise Malformed(f"{path} holds no JSON object")
    if text.count("{") + text.count("[") > MAX_DEPTH and _too_deep(document):
        raise Malformed(f"{path} is nested more than {MAX_DEPTH} levels deep")
    return document


def _finite(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise ValueError(f"Out of range: {digits[:60]} is beyond every float")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _too_deep(document: dict[str, Any]) -> bool:
    open_parts: list[Iterator[Any]] = [iter([document])]
    while open_parts:
        for value in open_parts[-1]:
            if isinstance(value, (dict, list)):
                if len(open_parts) > MAX_DEPTH:
                    return True
                open_parts.append(iter(value.values() if isinstance(value, dict) else value))
                break
        else:
            open_parts.pop()
    return False


def pick(document: dict[str, Any], path: str, kind: type | tuple[type, ...], origin: str) -> Any:
    """Return the value at a dotted path. Raises ``Malformed`` where it is missing or of another type."""
    value: Any = document
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise Malformed(f"{origin}: {path} is missing")
        value = value[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        parts = isinstance(value, (dict, list))
        shown = f"an {'object' if isinstance(value, dict) else 'array'}" if parts else json.dumps(value)[:60]
        raise Malformed(f"{origin}: {path} is {shown}, which it cannot be")
    return value
