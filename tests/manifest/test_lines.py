"""The scanner that knows on which line each value stands."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.manifest.lines import pointer, scan
from aigc_core.manifest.read import MAX_BYTES, MAX_DEPTH

TEXT = """{
  "a": 1,
  "b": {
    "c": [
      "x", true,
      {"d": null}
    ],
    "e
": "half",
    "key":
      "value"
  },
  "a/b~c": -1.5e3
}
""".replace('"e\n"', '"e\\n"')


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("a",), 2),
        (("b",), 3),
        (("b", "c"), 4),
        (("b", "c", 0), 5),
        (("b", "c", 1), 5),
        (("b", "c", 2), 6),
        (("b", "c", 2, "d"), 6),
        (("b", "e\n"), 8),
        (("b", "key"), 10),
        (("a/b~c",), 12),
    ],
)
def test_the_line_of_a_value(path: tuple[str | int, ...], line: int) -> None:
    assert scan(TEXT).of(path) == line


def test_the_line_of_a_name_is_not_that_of_its_value() -> None:
    assert scan(TEXT).of(("b", "key"), name=True) == 9


@pytest.mark.parametrize(("path", "line"), [(("no",), 1), (("b", "no"), 3), (("b", "c", 2, "no"), 6), (("b", 0), 3)])
def test_what_is_missing_has_the_line_of_what_lacks_it(path: tuple[str | int, ...], line: int) -> None:
    assert scan(TEXT).of(path) == line
    assert scan(TEXT).of(path, name=True) == line


def test_every_repetition_of_a_field_is_found_where_it_stands() -> None:
    text = '{\n"a": 1,\n"b": [{"c": 1,\n"c": 2,\n"\\u0063": 3}],\n"a": {"a": 1}\n}'
    assert scan(text).duplicates == [(("b", 0, "c"), 4), (("b", 0, "c"), 5), (("a",), 6)]


def test_the_last_of_two_values_counts_as_it_does_for_json() -> None:
    lines = scan('{"a": {\n"x": 1},\n"a": {\n"y": 2}}')
    assert lines.of(("a", "y")) == 4
    assert lines.of(("a", "x")) == 3


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
@pytest.mark.parametrize(("opening", "closing"), [("[\n", "]"), ('{"a":\n', "}")])
def test_too_deep_is_said_with_the_line(depth: int, opening: str, closing: str) -> None:
    inside = "1" if closing == "]" else "2"
    assert scan(opening * depth + inside + closing * depth).too_deep == (MAX_DEPTH + 1 if depth > MAX_DEPTH else 0)


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("a", 0), "/a/0"), (("a/b", "~"), "/a~1b/~0"), (("",), "/"), (("\ud800",), "/\\ud800"), (("ü",), "/ü")],
)
def test_pointers_follow_rfc_6901_and_can_be_printed(path: tuple[str | int, ...], text: str) -> None:
    assert pointer(path) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    yield path
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from paths(entry, (*path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from paths(entry, (*path, index))


@given(JSON, st.integers(0, 2**32), st.booleans())
def test_every_value_of_any_document_is_found(value: Any, seed: int, escaped: bool) -> None:
    """Each value is replaced by a marker in turn, and the marker's line is searched as text."""
    chosen = random.Random(seed).choice(list(paths(value)))
    text = json.dumps(marked(value, chosen), indent=1, ensure_ascii=escaped)
    expected = text[: text.index(MARKER)].count("\n") + 1
    lines = scan(text)
    assert lines.of(chosen) == expected
    assert lines.duplicates == []


MARKER = "here-and-nowhere-else"


def marked(value: Any, path: tuple[str | int, ...]) -> Any:
    if not path:
        return MARKER
    if isinstance(value, dict):
        return {key: marked(entry, path[1:]) if key == path[0] else entry for key, entry in value.items()}
    return [marked(entry, path[1:]) if index == path[0] else entry for index, entry in enumerate(value)]


@given(st.text() | st.text(alphabet='{}[],:"\\u00d8abc01 \n', max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    lines = scan(text)
    assert lines.of(()) >= 1
    assert 0 <= lines.too_deep <= text.count("\n") + 1


LARGE = {
    "arrays in arrays": "[" * 999_000,
    "objects in objects": '{"a":' * 199_000,
    "a long array": "[" + "1," * 499_000 + "1]",
    "a long object": "[" * 60 + "{" + ",".join(f'"{n}":{n}' for n in range(60_000)) + "}" + "]" * 60,
    "one field again and again": "{" + '"a":1,' * 160_000 + '"a":1}',
    "an open string": '"' + "\\" * 999_000,
    "open strings": '{"' * 400_000,
    "a long name": '{"' + "k" * 400_000 + '":[' + "1," * 200_000 + "1]}",
    "blanks": " " * 999_999,
    "too many characters": "x" * MAX_BYTES * 2,
}


@pytest.mark.parametrize("name", LARGE)
def test_the_largest_texts_are_scanned_in_seconds(name: str) -> None:
    began = time.process_time()
    lines = scan(LARGE[name])
    assert time.process_time() - began < 10
    assert len(lines.duplicates) <= 1000
