"""What ``read_object`` lets through: what can be written as JSON and UTF-8 again, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.manifest.read import Malformed, read_object

NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1e308", "1E+308", "-1.8e308", "1e309", "2E999", "-1e999", "0e999", "1e-999", "0.1e310"]),
    st.tuples(st.integers(290, 320), st.sampled_from(["", ".0", ".5e-20", "e15", "e-15"])).map(
        lambda made: "9" * made[0] + made[1]
    ),
)
TEXTS = st.lists(
    st.sampled_from(
        [*'ae0u1 "\\', "é", r"\ud800", r"\udc00", r"\u0041", r"\\u", r"\\\ud83d\ude00", ":1e999", "9" * 310]
    )
).map(lambda parts: '"' + "".join(part if len(part) > 1 else json.dumps(part)[1:-1] for part in parts) + '"')
VALUES = st.recursive(
    st.one_of(NUMBERS, TEXTS, st.sampled_from(["true", "null", "NaN", "-Infinity"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: "[" + ", ".join(parts) + "]"),
        st.lists(inner, max_size=4).map(
            lambda parts: "{" + ",".join(f'"k{at}" : {part}' for at, part in enumerate(parts)) + "}"
        ),
    ),
    max_leaves=8,
)


def refuse(constant):
    raise ValueError(constant)


def written_again(text):
    """The definition: it parses, and what it parses to can be written."""
    try:
        document = json.loads(text, parse_constant=refuse)
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except ValueError:
        return None
    return document


@given(value=VALUES)
def test_it_is_what_writing_it_again_lets_through(value, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "read-object.json"
    path.write_text(f'{{"a": {value}}}', encoding="utf-8")
    expected = written_again(path.read_text(encoding="utf-8"))
    try:
        found = read_object(str(path))
    except Malformed:
        found = None
    assert found == expected


def test_a_number_beyond_every_float_is_refused_though_the_same_field_comes_again(tmp_path):
    (tmp_path / "twice.json").write_text('{"a": 1e999, "a": 1}')
    with pytest.raises(Malformed, match="Out of range: 1e999"):
        read_object(str(tmp_path / "twice.json"))
