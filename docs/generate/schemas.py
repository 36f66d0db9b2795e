"""A manifest's reference, from its JSON Schema: every field with type, meaning and example."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from generate.markdown import code, table, text

Schema = dict[str, Any]


def schema(kind: str) -> Schema:
    """Read a schema that ships in the core."""
    path = files("aigc_core").joinpath("manifest", "schemas", f"{kind}.schema.json")
    document: Schema = json.loads(path.read_text(encoding="utf-8"))
    return document


def page(kind: str, title: str) -> str:
    """Return the page: a section for each top-level field, with a table of what is inside it."""
    document = schema(kind)
    parts = [f"# {title}", text(document["description"]), "A field that is not listed here is refused."]
    required = ", ".join(code(name) for name in document["required"])
    parts.append(
        f"Required: {required}. In the names below, `[]` stands for every entry of an array and `NAME` for any name."
    )
    for name, found in document["properties"].items():
        entry = resolve(found, document)
        parts += [f"## {name}", text(entry["description"])]
        parts.append(f"Type: {kind_of(entry)}." + (f" Example: {example(entry)}." if example(entry) else ""))
        if rows := [row(*field) for field in inside(name, entry, document)]:
            parts.append(table(["field", "type", "required", "what it says", "example"], rows))
    return "\n\n".join(parts) + "\n"


def fields(document: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """Yield every field at every depth: its dotted name, its schema, and whether its object must have it."""
    for name, found in document["properties"].items():
        entry = resolve(found, document)
        yield name, entry, name in document.get("required", [])
        yield from inside(name, entry, document)


def inside(path: str, entry: Schema, document: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """Yield the fields within one field."""
    for name, found in entry.get("properties", {}).items():
        field = resolve(found, document)
        yield f"{path}.{name}", field, name in entry.get("required", [])
        yield from inside(f"{path}.{name}", field, document)
    if isinstance(entry.get("additionalProperties"), dict):
        field = resolve(entry["additionalProperties"], document)
        yield f"{path}.NAME", field, False
        yield from inside(f"{path}.NAME", field, document)
    if "items" in entry:
        yield from inside(f"{path}[]", resolve(entry["items"], document), document)


def resolve(found: Schema, document: Schema) -> Schema:
    """Return a field's schema with what it refers to; its own words win."""
    if "$ref" not in found:
        return found
    target: Any = document
    for part in found["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**resolve(target, document), **{key: value for key, value in found.items() if key != "$ref"}}


def row(path: str, entry: Schema, required: bool) -> list[str]:
    """Return one field's row."""
    return [code(path), kind_of(entry), "yes" if required else "", text(entry.get("description", "")), example(entry)]


def kind_of(entry: Schema) -> str:
    """Return a field's type in words, with its fixed values and bounds."""
    if "const" in entry:
        return code(entry["const"])
    if "enum" in entry:
        return "one of " + ", ".join(map(code, entry["enum"]))
    kinds = entry.get("type", "any")
    words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    limits = [f"{word} {entry[key]}" for key, word in bounds.items() if key in entry]
    return words + (f", {', '.join(limits)}" if limits else "")


def example(entry: Schema) -> str:
    """Return a field's first example, or an empty string."""
    return code(entry["examples"][0]) if entry.get("examples") else ""
