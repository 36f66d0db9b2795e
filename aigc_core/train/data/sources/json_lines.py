"""JSON lines: one object a line, a field of it the text, or two of them a prompt and what follows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable
from aigc_core.train.data.fields import field, only
from aigc_core.train.data.sources.found import Texts, located, numbered
from aigc_core.train.data.sources.text import content_of, decoded


def texts(source: Mapping[str, Any], folder: str | None, data: str) -> Texts:
    """Read ``{"file": NAME, "text": FIELD, "label": FIELD}``; the label may be left out. Empty lines are no rows.

    With ``"prompt": FIELD, "completion": FIELD`` in the place of ``text``, a row is both, and the prompt is not
    learned. Raises ``NotAvailable`` with the number of the line that is no JSON object, or lacks a field, or has
    another type.
    """
    where = "data.source"
    pair = "prompt" in source or "completion" in source
    only(source, ["kind", "file", *(["prompt", "completion"] if pair else ["text"]), "label"], where)
    path = located(folder, field(source, "file", str, where, ""), data)
    names = ["prompt", "completion"] if pair else ["text"]
    fields = [field(source, name, str, where, name) for name in names]
    label = field(source, "label", str, where, "")
    content = content_of(path)
    rows: list[list[str]] = []
    labels = []
    for number, line in enumerate(decoded(content, path).split("\n"), 1):
        if line.strip():
            row = _object(line, f"{path}, line {number:,}")
            rows.append([_text(row, name, f"{path}, line {number:,}") for name in fields])
            if label:
                labels.append(_field(row, label, f"{path}, line {number:,}"))
    prompts = [parts[0] for parts in rows] if pair else None
    found = Texts(["".join(parts) for parts in rows], hashlib.sha256(content).hexdigest(), prompts=prompts)
    return (
        found if not label else found._replace(**dict(zip(("labels", "classes"), _labels(labels, path), strict=True)))
    )


def _labels(values: list[object], path: Path) -> tuple[Any, list[str]]:
    return numbered(values, str(path))


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotAvailable(f"{where} is no JSON: {str(error)[:200]}.") from error
    if not isinstance(row, dict):
        raise NotAvailable(f"{where} is no JSON object.")
    return row


def _field(row: dict[str, Any], name: str, where: str) -> Any:
    if name not in row:
        raise NotAvailable(f"{where} has no field {name!r}; it has {', '.join(map(repr, list(row)[:8])) or 'none'}.")
    return row[name]


def _text(row: dict[str, Any], name: str, where: str) -> str:
    value = _field(row, name, where)
    if not isinstance(value, str):
        raise NotAvailable(f"{where} has a field {name!r} that is no text but {json.dumps(value)[:60]}.")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise NotAvailable(f"{where} has a field {name!r} with half a surrogate pair, which is no character.")
    return value
