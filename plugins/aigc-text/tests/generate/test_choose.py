"""The choice of a token: its set, its distribution, its order, and what cannot be chosen from."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.errors import NotAvailable, WrongUse
from aigc_text.generate.choose import _BLOCK, choose, drawn, logprob
from aigc_text.generate.settings import Settings

NUMBERS = st.one_of(st.floats(-30, 30, width=32), st.integers(-3, 3).map(float), st.sampled_from([-np.inf, np.inf]))
ROWS = (
    st.lists(NUMBERS, min_size=1, max_size=60)
    .map(lambda row: np.array(row, np.float32))
    .filter(lambda row: row.max() > -np.inf)
)
UNIFORM = st.one_of(st.floats(0, 1, exclude_max=True, width=32), st.just(1.0))
SETTINGS = st.builds(
    Settings,
    temperature=st.floats(1e-30, 1e30),
    top_k=st.integers(0, 60),
    top_p=st.floats(0.01, 1),
    min_p=st.floats(0, 0.99),
    typical_p=st.floats(0.01, 1),
)


@given(ROWS, UNIFORM, SETTINGS)
def test_what_is_chosen_is_possible_and_the_logits_stay(logits, uniform, settings):
    before = logits.copy()
    logits.flags.writeable = False
    token = choose(logits, uniform, settings)
    assert type(token) is int
    assert logits[token] > -np.inf
    assert logits[token] == np.inf or np.inf not in logits
    assert np.array_equal(logits, before)


@given(ROWS, UNIFORM, UNIFORM, SETTINGS)
def test_a_larger_uniform_never_leads_to_a_smaller_token(logits, one, other, settings):
    low, high = sorted([one, other])
    assert choose(logits, low, settings) <= choose(logits, high, settings)


@given(ROWS, UNIFORM)
def test_greedy_is_the_first_of_the_largest_and_the_limit_of_the_filters(logits, uniform):
    largest = np.flatnonzero(logits == logits.max())
    assert choose(logits, uniform, Settings(temperature=0)) == largest[0]
    for settings in (Settings(temperature=1e-30), Settings(top_k=1)):
        assert choose(logits, uniform, settings) in largest
    if np.inf not in logits:
        assert choose(logits, uniform, Settings(top_p=1e-9)) in np.flatnonzero(logits >= logits.max() - 1e-6)


@given(st.lists(st.one_of(st.floats(0, 1, width=32), st.just(0.0)), min_size=1, max_size=3 * _BLOCK), UNIFORM)
def test_drawing_by_blocks_is_drawing_by_one_sum(weights, uniform):
    weights = np.array(weights, np.float32)
    weights[len(weights) // 2] = 1
    place = drawn(weights, uniform)
    assert weights[place] > 0
    cumulated = np.cumsum(weights, dtype=np.float64)
    reached = min(uniform, 1 - 2**-24) * cumulated[-1]
    slack = 1e-9 * cumulated[-1]
    assert (cumulated[place - 1] if place else 0.0) <= reached + slack
    assert reached - slack < cumulated[place]


@pytest.mark.parametrize(
    ("settings", "seed"),
    [
        (Settings(), 0),
        (Settings(temperature=2.0), 1),
        (Settings(top_k=5), 2),
        (Settings(top_p=0.7, temperature=1.5), 3),
        (Settings(typical_p=0.6), 4),
        (Settings(min_p=0.2), 5),
    ],
)
def test_tokens_come_as_often_as_the_softmax_of_what_is_kept_says(settings, seed):
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1, 20).astype(np.float32)
    drawn_tokens = [choose(logits, value, settings) for value in generator.random(8_000, np.float32)]
    counts = np.bincount(drawn_tokens, minlength=20)
    kept = counts > 0
    chances = np.where(kept, np.exp(logits.astype(np.float64) / settings.temperature), 0)
    expected = 8_000 * chances / chances.sum()
    squares = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
    freedom = kept.sum() - 1
    assert squares < freedom + 5 * math.sqrt(2 * freedom)  # 5 sigma
    # A saboteur: had the temperature been another, the same counts would not fit.
    wrong = np.where(kept, np.exp(logits.astype(np.float64) / (1.6 * settings.temperature)), 0)
    wrong *= 8_000 / wrong.sum()
    assert ((counts - wrong)[kept] ** 2 / wrong[kept]).sum() > freedom + 5 * math.sqrt(2 * freedom)


def test_the_filters_apply_in_their_order_each_to_what_the_one_before_left():
    logits = np.log(np.array([0.4, 0.3, 0.2, 0.1], np.float32))
    both = Settings(top_k=2, top_p=0.55)  # of the two that are left the first has 4/7 alone
    assert {choose(logits, value, both) for value in (0.0, 0.5, 0.999)} == {0}
    assert {choose(logits, value, Settings(top_p=0.55)) for value in (0.0, 0.5, 0.999)} == {0, 1}
    hot = Settings(temperature=100.0, top_p=0.55)  # temperature goes first: all four are about equal then
    assert {choose(logits, value, hot) for value in (0.0, 0.4, 0.999)} == {0, 1, 2}


def test_todays_choice_over_double_precision_is_the_same():
    generator = np.random.default_rng(11)
    for _ in range(300):
        logits, uniform = generator.normal(0, 3, 65).astype(np.float32), float(generator.random(dtype=np.float32))
        cumulated = np.cumsum(np.exp((logits.astype(np.float64) - logits.max()) / 0.8))
        expected = int(np.searchsorted(cumulated, uniform * cumulated[-1], side="right"))
        assert choose(logits, uniform, Settings(temperature=0.8)) == expected


@pytest.mark.parametrize("settings", [Settings(), Settings(temperature=0), Settings(top_k=2)])
def test_logits_that_nothing_can_be_chosen_from_are_named(settings):
    with pytest.raises(NotAvailable, match="NaN"):
        choose(np.array([1, np.nan, np.inf], np.float32), 0.5, settings)
    nothing = np.full(3, -np.inf, np.float32)
    with pytest.raises(NotAvailable, match="-inf"):
        choose(nothing, 0.5, settings)
    with pytest.raises(WrongUse, match="no_repeat_ngram 1"):
        choose(nothing, 0.5, settings._replace(no_repeat_ngram=1))


@given(ROWS)
def test_logprob_is_the_log_softmax(logits):
    with np.errstate(invalid="ignore"):
        exact = logits.astype(np.float64) - logits.max()
    for token in range(len(logits)):
        if np.inf in logits:
            expected = -math.log((logits == np.inf).sum()) if logits[token] == np.inf else -math.inf
        else:
            expected = exact[token] - math.log(np.exp(exact).sum())
        assert logprob(logits, token) == pytest.approx(expected, abs=1e-6, rel=1e-6)


def test_logprob_of_a_large_vocabulary_is_good_to_1e_6():
    logits = np.random.default_rng(0).normal(0, 3, 151_936).astype(np.float32)
    exact = logits.astype(np.float64)
    assert logprob(logits, 5) == pytest.approx(exact[5] - math.log(np.exp(exact).sum()), abs=1e-6)
