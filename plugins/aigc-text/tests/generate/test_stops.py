"""Stop strings: wherever a text is cut into pieces, it ends at the same place."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_text.generate.stops import Stops

TEXTS = st.text("ab.", max_size=24)
STOPS = st.lists(st.text("ab.", min_size=1, max_size=5), max_size=4)


def cut(text, stops):
    """The text up to the stop string that is complete first, and whether there is one: by trying every beginning."""
    for end in range(len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)], True
    return text, False


def split(text, cuts):
    borders = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(borders)]


def through(stops, pieces):
    """What is shown after each piece, and whether the text ended."""
    shown = []
    for piece in pieces:
        text, ended = stops.add(piece)
        shown.append(text)
        if ended:
            return shown, True
    return [*shown, stops.flush()], False


@given(TEXTS, STOPS, st.lists(st.integers(0, 100), max_size=20))
def test_any_split_gives_the_whole_text_up_to_the_first_stop(text, stops, cuts):
    shown, ended = through(Stops(stops), split(text, cuts))
    assert ("".join(shown), ended) == cut(text, stops)


@given(TEXTS, st.text("ab.", min_size=1, max_size=5), st.lists(st.integers(0, 100), max_size=20))
def test_one_stop_cuts_at_its_first_occurrence(text, stop, cuts):
    shown, _ = through(Stops([stop]), split(text, cuts))
    assert "".join(shown) == text.split(stop)[0]


@given(TEXTS, STOPS, st.lists(st.integers(0, 100), max_size=20))
def test_no_more_is_held_back_than_a_stop_can_begin_with(text, stops, cuts):
    guard, given_so_far, shown = Stops(stops), "", ""
    for piece in split(text, cuts):
        given_so_far += piece
        now, ended = guard.add(piece)
        shown += now
        if ended:
            break
        held = given_so_far[len(shown) :]
        assert given_so_far.startswith(shown)
        assert not held or any(stop.startswith(held) and stop != held for stop in stops)


def test_what_becomes_no_stop_is_released_at_once():
    stops = Stops(["###"])
    assert [stops.add(piece) for piece in ("a#", "#", "b##", "#c")] == [
        ("a", False),
        ("", False),
        ("##b", False),
        ("", True),
    ]


def test_a_stop_at_the_very_beginning_leaves_nothing():
    assert Stops(["ab"]).add("abc") == ("", True)
    assert Stops([]).add("abc") == ("abc", False)


class TooEarly(Stops):
    """Shows all that is no whole stop string."""

    def _begun(self, text):
        return len(text)


class TooLate(Stops):
    """Holds as much back as the longest stop string, whatever it is."""

    def _begun(self, text):
        return max(0, len(text) - self._longest + 1)


def test_saboteurs_are_seen():
    pieces = ["x<", "end>", "y"]
    assert "".join(through(Stops(["<end>"]), pieces)[0]) == "x"
    assert "".join(through(TooEarly(["<end>"]), pieces)[0]) != "x"
    with pytest.raises(AssertionError):
        assert TooLate(["<end>"]).add("hello") == Stops(["<end>"]).add("hello")
