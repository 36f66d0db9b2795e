"""Where a row goes depends on its own content: duplicates stay together, and no other row moves it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.train.data.split import Split, digest

ROWS = st.lists(st.text("ab", max_size=4), max_size=40)
FRACTIONS = st.floats(0, 0.45)


def parts(rows, split):
    return {part: [rows[place] for place in places] for part, places in split.by_hash([*map(digest, rows)]).items()}


@given(ROWS, FRACTIONS, FRACTIONS)
def test_a_duplicate_never_crosses_and_every_row_has_one_place(rows, validation, test):
    found = parts(rows, Split({"validation": validation, "test": test}))
    assert sorted(itertools.chain(*found.values())) == sorted(rows)
    train, held, last = map(set, found.values())
    assert len(train | held | last) == len(train) + len(held) + len(last)


@given(ROWS, ROWS, FRACTIONS)
def test_more_rows_move_no_other(rows, more, validation):
    split = Split({"validation": validation})
    before, after = parts(rows, split), parts(more + rows, split)
    assert all(set(before[part]) <= set(after[part]) for part in before)


def test_by_position_duplicates_do_cross_which_is_why_hash_is_the_usual():
    rows = ["same"] * 10
    found = Split({"by": "position", "validation": 0.5}).by_position(len(rows))
    assert len(found["train"]) == len(found["validation"]) == 5
    assert sorted(map(len, parts(rows, Split({"validation": 0.5})).values())) == [0, 0, 10]


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.0), (0.2, 0.1), (0.0, 0.3)])
def test_the_fractions_are_about_right(validation, test):
    found = parts([str(number) for number in range(20_000)], Split({"validation": validation, "test": test}))
    assert len(found["validation"]) / 20_000 == pytest.approx(validation, abs=0.01)
    assert len(found["test"]) / 20_000 == pytest.approx(test, abs=0.01)


@given(st.integers(0, 10**7), st.sampled_from([0.1, 0.2, 0.05, 0.25]))
def test_a_cut_by_position_is_that_of_nanogpt(count, validation):
    found = Split({"by": "position", "validation": validation}).by_position(count)
    assert found["train"] == range(int(count * round(1 - validation, 2)))
    assert found["validation"] == range(found["train"].stop, count)
    assert len(found["test"]) == 0


@given(st.integers(0, 10**6), FRACTIONS, FRACTIONS)
def test_a_cut_by_position_loses_no_row(count, validation, test):
    found = Split({"by": "position", "validation": validation, "test": test}).by_position(count)
    assert [row for part in found.values() for row in (part.start, part.stop)] == [
        0, found["train"].stop, found["train"].stop, found["test"].start, found["test"].start, count,
    ]  # fmt: skip


def test_a_digest_tells_shapes_apart():
    assert digest(np.zeros((1, 2, 8), np.uint8)) != digest(np.zeros((1, 4, 4), np.uint8))
    assert digest(np.zeros((2, 4, 4), np.uint8)[:, ::2]) == digest(np.zeros((2, 2, 4), np.uint8))
