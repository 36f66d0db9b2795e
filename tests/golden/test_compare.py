"""What a golden case says of an output: which values are others, where the worst are, where a text goes another way."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aigc_core.errors import CheckFailed
from aigc_core.golden import tolerance
from aigc_core.golden.case import Case
from aigc_core.golden.compare import compare


def case(**fields):
    usual = {"model": "m", "number": 0, "folder": "", "kind": "image", "noise": "n", "options": {}, "output": "o"}
    return Case(**usual | {"sha256": "", "rtol": 0.0, "atol": 1e-6, "per_million": 0.0} | fields)


def images(*changes, shape=(2, 1, 4, 4)):
    values = np.zeros(shape, np.float32)
    for at, value in changes:
        values[at] = value
    return {"images": values}


def text(tokens, logprobs=None, said="abc", scored=None):
    logprobs = [-1.0] * len(tokens) if logprobs is None else logprobs
    scored = logprobs if scored is None else scored
    return {
        "tokens": np.array(tokens, np.int64),
        "logprobs": np.array(logprobs, np.float32),
        "text": np.frombuffer(said.encode(), np.uint8),
        "scored_tokens": np.array([0, *tokens], np.int64),
        "scored": np.array(scored, np.float32),
    }


def test_the_same_output_passes_with_its_evidence():
    found = compare(case(), images(), images())
    assert (found.check, found.subject, found.status) == ("golden/0", "m", "passed")
    assert found.details["largest"] == 0
    assert found.details["values"] == 32


def test_one_other_value_is_counted_per_million_and_named_with_its_place():
    found = compare(case(), images(), images(((1, 0, 2, 3), 0.5), ((0, 0, 0, 1), -0.25)))
    assert found.status == "failed"
    assert found.details["mismatches"] == 2
    assert found.details["mismatches_per_million"] == pytest.approx(2 / 32 * 1e6)
    assert found.details["worst"] == [
        {"at": [1, 0, 2, 3], "stored": 0.0, "now": 0.5, "difference": 0.5},
        {"at": [0, 0, 0, 1], "stored": 0.0, "now": -0.25, "difference": 0.25},
    ]
    assert "[1, 0, 2, 3]: 0.5, stored is 0" in found.text
    assert "golden record m" in found.hint


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"atol": 0.6}, "passed"),
        ({"per_million": 62_500}, "passed"),
        ({"per_million": 30_000}, "failed"),
        ({"rtol": 1.0}, "failed"),  # of a stored 0, whatever share is 0
    ],
)
def test_each_tolerance_does_what_it_is_called(fields, status):
    assert compare(case(**fields), images(), images(((1, 0, 2, 3), 0.5), ((0, 0, 0, 1), -0.25))).status == status


@given(arrays.arrays(np.float32, (3, 1, 2, 2), elements=st.floats(-1, 1, width=32)), st.floats(1e-6, 1), st.data())
def test_what_counts_is_numpys_isclose(stored, atol, data):
    off = data.draw(arrays.arrays(np.float32, stored.shape, elements=st.floats(-1, 1, width=32)))
    rtol = data.draw(st.floats(0, 0.1))
    wrong = ~np.isclose((stored + off).astype(np.float64), stored.astype(np.float64), rtol=rtol, atol=atol)
    found = compare(case(rtol=rtol, atol=atol), {"images": stored}, {"images": stored + off})
    assert found.details["mismatches"] == wrong.sum()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_never_passes(value):
    found = compare(case(atol=1e30), images(), images(((0, 0, 0, 0), value)))
    assert found.status == "failed"
    json.dumps(found._asdict(), allow_nan=False)


@pytest.mark.parametrize(
    "now", [{}, {"text": np.zeros(1, np.uint8)}, images(shape=(2, 1, 4, 5)), images(shape=(1, 1, 4, 4))]
)
def test_another_output_is_no_match(now):
    assert compare(case(), images(), now).status == "failed"


ARRAYS = arrays.arrays(
    st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_]),
    arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
)
NAMES = ("tokens", "logprobs", "text", "scored_tokens", "scored", "images", "other")
ODD = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), ARRAYS, max_size=6),
    st.fixed_dictionaries(dict.fromkeys(NAMES[:5], ARRAYS)),
    st.fixed_dictionaries(
        {"images": arrays.arrays(np.float32, arrays.array_shapes(min_dims=4, max_dims=4, min_side=0))}
    ),
    st.lists(st.tuples(st.integers(0, 3), st.floats(width=32)), max_size=4).map(
        lambda pairs: text([token for token, _ in pairs], [logprob for _, logprob in pairs])
    ),
)


@given(stored=ODD, now=ODD)
def test_whatever_comes_from_a_file_or_a_sandbox_is_a_finding(stored, now):
    for one, other in ((stored, now), (stored, stored)):
        found = compare(case(atol=0.1), one, other)
        assert found.status in ("passed", "failed")
        json.dumps(found._asdict(), allow_nan=False)


def test_the_same_text_passes():
    assert compare(case(kind="text", atol=1e-4), text([1, 2, 3]), text([1, 2, 3])).status == "passed"


def test_a_text_that_goes_another_way_names_both_tokens_and_both_log_probabilities():
    stored, now = text([1, 2, 3], [-1.0, -0.5, -1.0]), text([1, 4, 3], [-1.0, -0.4, -1.0])
    found = compare(case(kind="text", atol=1e-4), stored, now)
    assert found.status == "failed"
    divergence = found.details["first_divergence"]
    assert divergence["at"] == 1
    assert divergence["stored"] == {"token": 2, "logprob": pytest.approx(-0.5)}
    assert divergence["now"] == {"token": 4, "logprob": pytest.approx(-0.4)}
    assert "at token 1: token 4 (ln p -0.4), stored is token 2 (ln p -0.5)" in found.text


def test_two_tokens_as_good_as_equal_may_change_places():
    stored, now = text([1, 2], [-1.0, -0.50001]), text([1, 4], [-1.0, -0.5])
    found = compare(case(kind="text", atol=1e-4), stored, now)
    assert found.status == "passed"
    assert found.details["first_divergence"]["at"] == 1


@pytest.mark.parametrize(("length", "at"), [(2, 2), (0, 0), (4, 3)])
def test_a_text_that_ends_elsewhere_goes_another_way(length, at):
    found = compare(case(kind="text", atol=1e-4), text([1, 2, 3]), text([1, 2, 3, 4][:length]))
    assert found.status == "failed"
    assert found.details["first_divergence"]["at"] == at


def test_a_probability_that_moved_fails_though_the_text_is_the_same():
    stored, now = text([1, 2], [-1.0, -1.0]), text([1, 2], [-1.0, -1.001])
    found = compare(case(kind="text", atol=1e-4), stored, now)
    assert found.status == "failed"
    assert found.details["worst"]["at"] == 1


def test_texts_made_whole_are_compared_letter_by_letter():
    stored, now = ({"text": np.frombuffer(each.encode(), np.uint8)} for each in ("straße", "straßa"))
    found = compare(case(kind="text"), stored, now)
    assert found.details["first_divergence"] == 5
    assert compare(case(kind="text"), stored, stored).status == "passed"


@pytest.mark.parametrize(
    ("value", "wanted"), [(0.00013, 0.0002), (2e-6, 2e-6), (1.0, 1.0), (9.1, 10.0), (3.9e-7, 4e-7)]
)
def test_a_tolerance_is_rounded_up_to_a_digit(value, wanted):
    assert tolerance.up(value) == wanted


@given(st.floats(1e-12, 1e6))
def test_rounding_up_never_narrows_and_at_most_doubles(value):
    assert value * (1 - 1e-8) <= tolerance.up(value) <= 2 * value * (1 + 1e-8)


def test_a_tolerance_is_what_was_seen_with_a_margin():
    found = tolerance.of({"stored": images(), "2 threads": images(((0, 0, 0, 0), 3e-5))}, 2.0)
    assert (found.rtol, found.per_million) == (0, 0)
    assert found.atol == pytest.approx(2e-4)
    assert found.largest == {"2 threads": pytest.approx(3e-5)}


def test_where_nothing_differs_the_floor_is_a_few_units_of_the_last_place():
    assert tolerance.of({"stored": images(), "again": images()}, 2.0).atol == pytest.approx(2e-6)


def test_decisions_that_fall_the_other_way_are_counted_and_do_not_widen_the_rest():
    other = images(((0, 0, 0, 0), 1.0), ((1, 0, 0, 0), 1e-6))
    found = tolerance.of({"stored": images(), "2 threads": other}, 1.0)
    assert found.per_million == 4 * 1e6 / 32
    assert found.atol < 1e-5


def test_what_is_not_reproducible_gets_no_tolerance():
    with pytest.raises(CheckFailed, match="not reproducible"):
        tolerance.of({"stored": images(), "again": {"images": np.ones((2, 1, 4, 4), np.float32)}}, 1.0)
    with pytest.raises(CheckFailed, match="not reproducible"):
        tolerance.of({"stored": {"text": np.zeros(2, np.uint8)}, "again": {"text": np.ones(2, np.uint8)}}, 1.0)
