"""O: options do what they are declared for."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.manifest.options import problem
from aigc_core.run.model import Model
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import made, noise, usual
from aigc_core.testing.verdict import Broken, Skipped

_NUMBERS = (0.5, 0.9, 0.1, 1, 2, 3, 0, -1, 5, 20)
_ROWS = 8


def have_effect(subject: ModelSubject) -> None:
    """O1: of every option, two values (or one and none) make different outputs, in at least one situation."""
    inert, untried = [], []
    for name, entry in _declared(subject).items():
        tried = _outcomes(subject.model, name, entry)
        if tried is None:
            untried.append(name)
        elif not tried:
            inert.append(name)
    if inert:
        raise Broken(
            f"Whatever {' or '.join(inert)} is, nothing changes.",
            "Use the option, leave it out of use.options, or give it a default or an enum that has one.",
            options=inert,
        )
    if untried:
        raise Skipped(f"no value of {', '.join(untried)} is known that the model takes; give it a default or an enum")


def are_taken(subject: ModelSubject) -> None:
    """O2: bounds, members of the enum, default and examples: each makes samples, or raises ``WrongUse``."""
    model = subject.model
    for name, entry in _declared(subject).items():
        for value in _edges(entry):
            try:
                _output(model, usual(model) | {name: value}, 1)
            except WrongUse:
                continue
            except NotAvailable as error:
                raise Broken(
                    f"The schema allows {name} = {value!r}, and with it: {str(error).rstrip('.')}.",
                    "Raise aigc_core.errors.WrongUse with what can be, or narrow the schema.",
                ) from error


def _declared(subject: ModelSubject) -> dict[str, Any]:
    found: dict[str, Any] = subject.model.manifest.options.get("properties", {})
    return found


def _outcomes(model: Model, name: str, entry: Mapping[str, Any]) -> bool | None:
    """Say whether an option has an effect; None where no value of it was taken at all."""
    taken = False
    for around in _situations(model, name):
        outcomes: set[bytes] = set()
        for value in itertools.chain([None], _candidates(model, name, entry)):
            given = {key: other for key, other in around.items() if key != name}
            try:
                outcome = _output(model, given if value is None else given | {name: value}, _ROWS)
            except NotAvailable:
                continue  # O2 says so
            except WrongUse:
                if value is None or "enum" not in entry:
                    continue
                outcome = b"refused"  # as some choices are, in some situations: that is an effect
            taken = taken or value is not None
            outcomes.add(outcome)
            if len(outcomes) > 1 and taken:
                return True
    return False if taken else None


def _situations(model: Model, name: str) -> Iterator[dict[str, Any]]:
    """Yield options under which another may show its effect: the usual, and a text that outgrows the context."""
    plain = usual(model)
    yield plain
    if model.language and model.language.context and "prompt" in model.manifest.options.get("properties", {}):
        said = made(
            model, noise(model, range(1)), plain | {"max_new_tokens": 16} if "max_new_tokens" in plain else plain
        )
        with contextlib.suppress(WrongUse):
            text = (plain.get("prompt", "") + said[0]) or "a"
            times = 1
            while len(model.language.encode(text * times)) <= model.language.context and times < 100_000:
                times *= 2
            yield plain | {"prompt": text * times}


def _candidates(model: Model, name: str, entry: Mapping[str, Any]) -> Iterator[Any]:
    yield from entry.get("examples", [])
    yield from entry.get("enum", [])
    kind = entry["type"]
    if kind == "boolean":
        yield from (True, False)
    elif kind in ("number", "integer"):
        for value in (*_edges(entry), *_NUMBERS):
            number = int(value) if kind == "integer" and float(value).is_integer() else value
            if not problem(number, entry):
                yield number
    elif kind == "string" and "enum" not in entry:
        yield from ("a", "The ", "1", *(text[:2] for text in _said(model)))
    elif kind == "array":
        yield from ([" "], ["1=100"], ["5=100"], *([sign] for text in _said(model) for sign in text[1:3]))


def _said(model: Model) -> list[str]:
    """Return texts that a language model makes, whose characters it therefore takes; none of another model."""
    return [str(text) for text in made(model, noise(model, range(2)))] if model.language else []


def _edges(entry: Mapping[str, Any]) -> list[Any]:
    """Return the least and the largest value, the members, the default and the examples."""
    whole = entry["type"] == "integer"
    step = 1 if whole else 1e-3
    found = [entry["minimum"]] if "minimum" in entry else []
    found += [entry["exclusiveMinimum"] + step] if "exclusiveMinimum" in entry else []
    found += [entry["maximum"]] if "maximum" in entry else []
    found += [entry["exclusiveMaximum"] - step] if "exclusiveMaximum" in entry else []
    found += [*entry.get("enum", []), *entry.get("examples", [])]
    found += [entry["default"]] if "default" in entry else []
    found += [True, False] if entry["type"] == "boolean" else []
    return [value for value in found if not problem(value, entry)]


def _output(model: Model, options: Mapping[str, Any], rows: int) -> bytes:
    """Return what a model does with options, as bytes: its samples, or what it makes of images."""
    from aigc_core.testing.images import used

    if "generate" in model.manifest.capabilities:
        found = made(model, noise(model, range(rows)), options)
        parts = [each.encode() if isinstance(each, str) else each.tobytes() for each in found]
        if model.manifest.input:
            with contextlib.suppress(WrongUse):
                parts.append(used(model, options))
        return b"|".join(parts)
    return used(model, options)
