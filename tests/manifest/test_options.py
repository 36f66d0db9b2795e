"""A model's own options: their schema, their values, and agreement with a JSON Schema library."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_core.errors import WrongUse
from aigc_core.manifest import options


def schema(**entry: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {"x": entry}}


STRINGS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("entry", "good", "bad"),
    [
        ({"type": "number"}, [0, -1.5, 10**400], [True, "1", None, [1], float("nan"), float("inf"), -float("inf")]),
        ({"type": "integer"}, [0, -3, 2.0, 10**400], [1.5, False, "1", None, {}, float("inf")]),
        ({"type": "string"}, ["", "é", "\n"], [1, None, True, ["a"]]),
        ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
        ({"type": "number", "minimum": 1}, [1, 1.5], [0.999]),
        ({"type": "number", "exclusiveMinimum": 1}, [1.001], [1, 0]),
        ({"type": "number", "maximum": 1}, [1, -5], [1.001]),
        ({"type": "number", "exclusiveMaximum": 1}, [0.999], [1, 2]),
        ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 2, 3], [0, 4]),
        ({"type": "string", "enum": ["a", "b"]}, ["a", "b"], ["c", "", "A"]),
        ({"type": "number", "enum": [1, 2.5]}, [1, 1.0, 2.5], [2, True]),
        ({"type": "boolean", "enum": [1]}, [], [True, 1]),
        ({"type": "string", "minimum": 3}, ["a"], [3]),
        (STRINGS, [[], ["a", ""]], ["a", [1], ["a", None], {"a": 1}, None, True]),
        (STRINGS | {"enum": [["a"], "a", [1]]}, [["a"]], [[], ["b"], [1]]),
    ],
)
def test_values(entry: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert options.problem(value, entry) == ""
        assert options.check({"x": value}, schema(**entry), "m") == {"x": value}
    for value in bad:
        assert options.problem(value, entry)
        with pytest.raises(WrongUse, match="Option x of m is "):
            options.check({"x": value}, schema(**entry), "m")


def test_defaults_fill_in_and_a_given_value_wins() -> None:
    given = {
        "properties": {
            "a": {"type": "integer", "default": 1},
            "b": {"type": "integer", "default": 2},
            "c": {"type": "string"},
        }
    }
    assert options.check({"b": 3}, given, "m") == {"a": 1, "b": 3}


def test_a_whole_number_arrives_as_one() -> None:
    (value,) = options.check({"x": 2.0}, schema(type="integer"), "m").values()
    assert type(value) is int


def test_a_tuple_of_texts_arrives_as_a_list_as_a_receipt_has_it() -> None:
    assert options.check({"x": ("a", "b")}, schema(**STRINGS), "m") == {"x": ["a", "b"]}
    with pytest.raises(WrongUse, match="Option x of m is 'ab', it takes a list of strings"):
        options.check({"x": "ab"}, schema(**STRINGS), "m")


def test_an_unknown_option_names_a_near_one() -> None:
    with pytest.raises(WrongUse, match=r"m has no option trunction\. Did you mean truncation\? It takes truncation\."):
        options.check({"trunction": 1}, {"properties": {"truncation": {"type": "number"}}}, "m")
    with pytest.raises(WrongUse, match="It takes none"):
        options.check({"x": 1}, {}, "m")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"properties": {}},
        schema(type="number", default=1, minimum=1),
        schema(type="string", enum=["a"], default="a"),
        schema(**STRINGS, default=["a"]),
    ],
)
def test_usable_schemas(given: Any) -> None:
    assert options.check_schema(given) == ""


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, " is no JSON Schema"),
        ([], " is no JSON Schema"),
        ({"properties": 1}, " is no JSON Schema"),
        ({"properties": {"X": {"type": "number"}}}, ".X is no option name"),
        ({"properties": {"a\n": {"type": "number"}}}, ".a\n is no option name"),
        ({"properties": {"seed": {"type": "number"}}}, ".seed collides"),
        ({"properties": {"name": {"type": "number"}}}, ".name collides"),
        ({"properties": {"self": {"type": "number"}}}, ".self collides"),
        (schema(), ".x has no type"),
        (schema(type="list"), ".x has no type"),
        (schema(type="array"), ".x.items is not"),
        (schema(type="array", items={"type": "number"}), ".x.items is not"),
        (schema(**STRINGS, default="a"), ".x.default is 'a', it takes a list of strings"),
        (schema(type=["number"]), ".x has no type"),
        (schema(type={}), ".x has no type"),
        ({"properties": {"x": True}}, ".x has no type"),
        (schema(type="number", minimum="1"), ".x has a bound"),
        (schema(type="number", maximum=True), ".x has a bound"),
        (schema(type="number", maximum=float("nan")), ".x has a bound"),
        (schema(type="number", enum=1), ".x.enum is no list"),
        (schema(type="number", description=1), ".x.description"),
        (schema(type="number", default="1"), ".x.default is '1'"),
        (schema(type="integer", default=0, minimum=1), ".x.default is 0"),
        (schema(type="string", default="c", enum=["a", ["c"]]), ".x.default is 'c'"),
    ],
)
def test_unusable_schemas(given: Any, reason: str) -> None:
    assert options.check_schema(given).startswith(reason)


def test_every_flag_and_parameter_of_a_verb_that_takes_options_is_reserved() -> None:
    import inspect

    from aigc_core.cli import decode, encode, interpolate, reconstruct, run
    from aigc_core.run.model import Model

    params = [param for verb in (run, reconstruct, interpolate, encode, decode) for param in verb.command.params]
    taken = {name for param in params for name in [param.name, *param.opts, *param.secondary_opts]}
    for function in (run._run, Model.generate, Model.stream, Model.interpolate):
        taken |= {
            name for name, part in inspect.signature(function).parameters.items() if part.kind != part.VAR_KEYWORD
        }
    assert {str(name).lstrip("-").replace("-", "_") for name in taken} | {"help", "debug"} <= set(options.RESERVED)


NUMBERS = st.integers(-5, 5) | st.floats(-5, 5) | st.sampled_from([1.0, -0.0, 10**400, -(10**400), 1e308])
SCALARS = NUMBERS | st.booleans() | st.sampled_from(["", "a", "b", "1", "true"]) | st.none()
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=1)
KINDS = st.sampled_from(["number", "integer", "string", "boolean"]).map(lambda kind: {"type": kind}) | st.just(STRINGS)
LIMITS = st.fixed_dictionaries(
    {},
    optional={"enum": st.lists(VALUES, min_size=1, max_size=4)}
    | dict.fromkeys(("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"), NUMBERS),
)
ENTRIES = st.builds(lambda kind, limits: kind | limits, KINDS, LIMITS)


@settings(max_examples=2000)
@given(ENTRIES, VALUES)
def test_it_accepts_exactly_what_a_json_schema_library_accepts(entry: dict[str, Any], value: Any) -> None:
    assert options.check_schema(schema(**entry)) == ""
    accepted = jsonschema.Draft202012Validator(schema(**entry)).is_valid({"x": value})
    assert (options.problem(value, entry) == "") == accepted


ANYTHING = st.recursive(
    SCALARS | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["type", "items", "enum", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "description"]
)


@settings(max_examples=1000)
@given(st.dictionaries(KEYS, ANYTHING | st.sampled_from([*options.TYPES, options.ITEMS])), ANYTHING)
def test_no_schema_and_no_value_is_an_error(entry: dict[str, Any], value: Any) -> None:
    if options.check_schema(schema(**entry)) == "":
        options.problem(value, entry)
    options.check_schema({"properties": {"x": value}})
    options.check_schema(value)
