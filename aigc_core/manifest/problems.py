"""What can be wrong with a manifest: one record for each fault, the table of all stable codes, and how faults read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One fault of a manifest."""

    code: str
    """A key of ``CODES``."""
    pointer: str
    """Where it is, as a JSON pointer (RFC 6901); of a missing field, where it would be."""
    line: int
    """The line of the value or the field's name, from 1; of a missing field, that of the object that lacks it."""
    message: str
    """What is wrong, in one sentence."""
    hint: str
    """What a right value looks like."""


CODES = {
    "unreadable": "The file is missing, is a folder, or the system does not let you read it.",
    "too-large": "The file is larger than 1,000,000 bytes and is not parsed. A manifest is a page of text; stored "
    "noise, outputs and weights are files of their own, named by path.",
    "not-utf8": "The file holds bytes that are not UTF-8 text. Save it as UTF-8, without a byte order mark.",
    "json-syntax": "The file is not JSON. The usual causes are a comma after the last entry, a missing comma before "
    "the line, single quotes, a comment, or a byte order mark at the start of the file.",
    "not-an-object": "The file is JSON, but its outermost value is not an object in braces.",
    "too-deep": "Objects and arrays lie more than 64 levels inside one another. No manifest needs that, and not every "
    "program can read it.",
    "not-portable": "Python's reader accepts the value, JSON and other programs do not: NaN, Infinity, a number beyond "
    "the range of 64-bit floating point, or a text with half of a surrogate pair.",
    "duplicate-key": "An object has the same field twice. JSON readers keep one of them in silence, not all the same.",
    "old-layout": "The document says an older layout in its field schema. It is still read, converted in memory each "
    "time; aigc-zoo check --fix writes the converted one down. What else is wrong with it is said after that.",
    "missing-field": "A field that is required is not there. The line is that of the object that lacks it.",
    "unknown-field": "A field is not known at this place. It would be ignored in silence, so it is refused: most "
    "such fields are misspelt or stand in the wrong object.",
    "wrong-type": "A value is of another JSON type than the field takes, such as a string in the place of a number. "
    "true and false are not numbers, and a whole number is written without a decimal point.",
    "not-allowed": "The value is not among those that the field can have.",
    "bad-form": "A string, or the name of a field, is not in the form that is asked for, such as 64 hexadecimal "
    "digits, or lower-case letters, digits and dashes.",
    "out-of-range": "A number is below the lowest or above the highest value of the field.",
    "too-short": "A string has too few characters, or an array or an object too few entries.",
    "too-long": "A string has too many characters, or an array or an object too many entries.",
    "wrong-name": "The id of a model is not the name of its file without .json. They are kept equal, so that a model "
    "can be found by looking at the folder.",
    "option-collides": "An option has the name of a flag or parameter of the core's own verbs, such as seed or count.",
    "bad-default": "The default of an option does not obey the option's own type, bounds or enum.",
    "empty-range": "The low end of a range is not below its high end, so that nothing lies within.",
    "shapes-disagree": "Images would go in and come out in shapes that do not go together: other channels or sizes "
    "under use.input than under use.output, null for one side alone, or null under use.output of a model that "
    "generates.",
    "duplicate-entry": "An entry of an array is there twice: a weight file, a capability, a hook, a metric.",
    "path-escapes": "A path is absolute, has a backslash or an empty, . or .. part, or follows a link out of the "
    "model's folder. Only files inside that folder are read.",
    "missing-file": "A bundled file that the manifest names does not exist, or cannot be read.",
    "wrong-size": "A bundled file has another size than the manifest says; its hash is then not computed.",
    "wrong-hash": "A bundled file has the right size, but another SHA-256 than the manifest says.",
    "unknown-architecture": "The plugin.json beside the models folder is that of the model's plugin, and names no such "
    "generator under components; or plugin.json has options for an architecture that it does not name there.",
    "unusable-schema": "The plugin has a schema for the architecture's config, but that file cannot be read, or is no "
    "valid JSON Schema 2020-12 by itself. The fault is the plugin's; the config was not checked.",
    "unusable-options": "The plugin names a schema of options that is missing in zoo/options, cannot be read, or could "
    "not stand under use.options of a model manifest. The first reason is told; the fault is in the schema's own file.",
    "unknown-hook": "The plugin lists a hook that this core does not call.",
    "unknown-fact": "A JSON pointer under provenance names nothing that is in the manifest.",
    "unusable-template": "The plugin claims repositories of the Hub with a template that is missing in zoo/claims, "
    "cannot be read, says what is filled in for each repository (id, summary, weights, terms.weights), or, completed "
    "with those, is no right model manifest. The first reason is told; the fault is in the template's own file.",
}
"""Every code that a ``Problem`` can have, with its explanation. A code keeps its meaning for ever."""

KINDS = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
"""JSON's types, in words."""

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "with at least {} characters",
    "maxLength": "with at most {} characters",
    "minItems": "with at least {} entries",
    "maxItems": "with at most {} entries",
    "minProperties": "with at least {} fields",
    "maxProperties": "with at most {} fields",
}


def expected(schema: dict[str, Any]) -> str:
    """Return what a right value is, from its schema: ``It takes a whole number, at least 1, such as 28.``"""
    if "const" in schema:
        return f"It takes {shown(schema['const'])}."
    if "enum" in schema:
        return f"It takes one of {', '.join(map(shown, schema['enum'][:30]))}."
    types = schema.get("type", [])
    kinds = " or ".join(KINDS[kind] for kind in ([types] if isinstance(types, str) else types))
    limits = (words.format(schema[key]) for key, words in _LIMITS.items() if key in schema)
    examples = schema.get("examples", [])
    example = f", such as {json.dumps(examples[0], ensure_ascii=False)}" if examples else ""
    return plain(f"It takes {', '.join([kinds or 'a value', *limits])}{example}.")


def near(word: str, known: Iterable[str]) -> str:
    """Return the known name that ``word`` is probably meant to be, or an empty string."""
    import difflib

    by_lower_case = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word[:100].casefold(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[found[0]] if found else ""


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return ``Did you mean X? `` where a known text is near ``word``, else an empty string."""
    name = near(word, [text for text in known if isinstance(text, str)]) if isinstance(word, str) else ""
    return f"Did you mean {name}? " if name else ""


def shown(value: object) -> str:
    """Return a value as JSON in a sentence: cut where it is long, in words where it has parts."""
    if isinstance(value, (dict, list)):
        return kind_of(value)
    text = json.dumps(value, ensure_ascii=False)
    return plain(text if len(text) <= 60 else f"{text[:57]}...")


def kind_of(value: object) -> str:
    """Return the JSON type of a value, in words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds = {dict: "object", list: "array", str: "string", int: "number", float: "number"}
    return KINDS[kinds.get(type(value), "null")]


def place(path: Sequence[str | int]) -> str:
    """Return a path as it reads in a sentence: ``weights.files[0].path``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
    return plain(text if len(text) <= 200 else f"{text[:197]}...") if path else "The manifest"


def plain(text: str) -> str:
    """Return a text that every terminal and file can take: half a surrogate pair is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
