"""How a manifest is written: fields in the schema's order, what fits on a line on one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WIDTH = 110
"""Characters of a line, its indentation included."""


def written(document: Mapping[str, Any]) -> str:
    """Return a document as the text of a file: two blanks a level, and no value broken that fits on its line."""
    return _value(document, 0, 0) + "\n"


def _value(value: Any, depth: int, before: int) -> str:
    """Return a value that stands ``depth`` levels deep, after ``before`` characters of its line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or (depth and before + len(line) + 1 <= WIDTH):
        return line
    inner, pad = "  " * (depth + 1), "  " * depth
    if isinstance(value, list):
        parts = [inner + _value(entry, depth + 1, len(inner)) for entry in value]
        return "[\n" + ",\n".join(parts) + f"\n{pad}]"
    fields = [(f"{inner}{json.dumps(name, ensure_ascii=False)}: ", entry) for name, entry in value.items()]
    parts = [start + _value(entry, depth + 1, len(start)) for start, entry in fields]
    return "{\n" + ",\n".join(parts) + f"\n{pad}}}"


def ordered(value: Any, part: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Return a value with the fields of its objects in the order in which a schema names them, unknown ones last."""
    part = root.get("$defs", {}).get(str(part.get("$ref", "")).removeprefix("#/$defs/"), {}) | part
    if isinstance(value, list):
        return [ordered(entry, part.get("items", {}), root) for entry in value]
    if not isinstance(value, dict):
        return value
    fields, other = part.get("properties", {}), part.get("additionalProperties")
    rest = other if isinstance(other, dict) else {}
    names = [*(name for name in fields if name in value), *(name for name in value if name not in fields)]
    return {name: ordered(value[name], fields.get(name, rest), root) for name in names}
