"""What each field of a model card may hold. A rule takes a value and its name, and yields the Hub's messages."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from .vocabulary import LANGUAGES, LICENSES

Rule = Callable[[Any, str], Iterator[str]]

REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?")


def string(value: Any, name: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f'"{name}" must be a string'
    elif not value:
        yield f'"{name}" is not allowed to be empty'


def boolean(value: Any, name: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f'"{name}" must be a boolean'


def anything(value: Any, name: str) -> Iterator[str]:
    """Take what JSON can carry: no null, no NaN and no infinity."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        yield f'"{name}" must be one of [number, string, boolean, object, array]'


def url(value: Any, name: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f'"{name}" must be a string'
        return
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)
    except ValueError:
        good = False
    if not good:
        yield f'"{name}" must be a valid uri'


def license_link(value: Any, name: str) -> Iterator[str]:
    if value not in ("LICENSE", "LICENSE.md") and list(url(value, name)):
        yield f'"{name}" must be one of [LICENSE, LICENSE.md] or a valid uri'


def license_id(value: Any, name: str) -> Iterator[str]:
    if not isinstance(value, str) or value not in LICENSES:
        yield f'"{name}" must be one of [{", ".join(LICENSES)}, array]'


def language(value: Any, name: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f'"{name}" must be a string'
    elif value != value.lower():
        yield f'"{name}" must only contain lowercase characters'
    # There are some eight thousand codes of three letters: any three letters will do here.
    elif value not in LANGUAGES and not re.fullmatch("[a-z]{3}", value):
        yield f'"{name}" with value "{value}" is not valid. It must be an ISO 639 code of two or three letters'


def repo_id(value: Any, name: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f'"{name}" must be a string'
    elif not REPO_ID.fullmatch(value) or "--" in value or ".." in value:
        yield f'"{name}" with value "{value}" is not valid. Use an id from https://hf.co.'


def listed(rule: Rule) -> Rule:
    """Take a list of what the rule takes."""

    def check(value: Any, name: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f'"{name}" must be an array'
            return
        for number, item in enumerate(value):
            yield from rule(item, f"{name}[{number}]")

    return check


def one_or_more(rule: Rule) -> Rule:
    """Take what the rule takes, or a list of that."""
    many = listed(rule)
    return lambda value, name: many(value, name) if isinstance(value, list) else rule(value, name)


def record(required: dict[str, Rule], optional: dict[str, Rule]) -> Rule:
    """Take an object with these fields; others are let be."""

    def check(value: Any, name: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f'"{name}" must be of type object'
            return
        yield from (f'"{name}.{field}" is required' for field in required if field not in value)
        for field, rule in {**required, **optional}.items():
            if field in value:
                yield from rule(value[field], f"{name}.{field}")

    return check


TASK = record({"type": string}, {"name": string})
DATASET = record(
    {"type": string, "name": string}, {"config": string, "split": string, "revision": string, "args": anything}
)
METRIC = record(
    {"type": string, "value": anything},
    {"name": string, "config": string, "args": anything, "verified": boolean, "verifyToken": string},
)
RESULT = record(
    {"task": TASK, "dataset": DATASET, "metrics": listed(METRIC)}, {"source": record({"url": url}, {"name": string})}
)

FIELDS: dict[str, Rule] = {
    "language": one_or_more(language),
    "license": one_or_more(license_id),
    "license_name": string,
    "license_link": license_link,
    "library_name": string,
    "pipeline_tag": string,
    "tags": listed(string),
    "datasets": one_or_more(repo_id),
    "metrics": listed(string),
    "base_model": one_or_more(repo_id),
    "widget": listed(anything),
    "model-index": listed(record({"name": string, "results": listed(RESULT)}, {})),
}
