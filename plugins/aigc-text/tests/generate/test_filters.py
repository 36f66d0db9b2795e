"""Temperature and filters against transformers' own warpers, on any scores."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aigc_text.generate import filters

NUMBERS = st.one_of(
    st.floats(-20, 20, width=32),
    st.integers(-3, 3).map(float),  # so that there are equal ones
    st.just(-np.inf),
)
ROWS = (
    st.lists(NUMBERS, min_size=1, max_size=40)
    .map(lambda numbers: np.array(numbers, np.float32))
    .filter(lambda row: row.max() > -np.inf)
)
SHARES = st.floats(0.01, 0.99)


@pytest.fixture(scope="module")
def warpers():
    return pytest.importorskip("transformers.generation.logits_process", reason="the oracle is transformers")


def by(warper, scores):
    """What a warper keeps of a row of scores, and what it makes of them."""
    torch = pytest.importorskip("torch")
    warped = warper(torch.zeros(1, 1, dtype=torch.long), torch.from_numpy(scores.copy())[None])[0].numpy()
    return warped > -np.inf, warped


def mask(places, scores):
    """Places as a mask of the scores; they ascend, and those that are impossible anyway do not count."""
    assert (np.diff(places) > 0).all()
    kept = np.zeros(len(scores), bool)
    kept[places] = True
    return kept & (scores > -np.inf)


def probabilities(scores):
    weights = np.exp(scores.astype(np.float64) - scores.max())
    return weights / weights.sum()


def same_up_to_equal_ones(kept, expected, scores):
    """Whether two sets have equal scores in them, whichever of the equal ones they have."""
    return np.array_equal(np.sort(scores[kept & (scores > -np.inf)]), np.sort(scores[expected]))


@given(ROWS, st.floats(0.01, 1e6))
def test_temperature_is_transformers_to_the_bit(warpers, scores, value):
    ours = filters.temperature(scores, value)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, by(warpers.TemperatureLogitsWarper(value), scores)[1])


@given(ROWS, st.floats(1e-300, 1e300), st.floats(-(2.0**126), 2.0**126, width=32))
def test_no_temperature_and_no_offset_makes_scores_that_cannot_be_chosen_from(scores, value, offset):
    scores = scores + np.float32(offset)
    weights = filters.weights_of(filters.temperature(scores, value))
    assert not np.isnan(weights).any()
    assert weights.max() == 1
    assert weights[scores.argmax()] == 1
    assert (weights[scores == -np.inf] == 0).all()


@given(ROWS, st.integers(1, 50))
def test_top_k_is_transformers(warpers, scores, k):
    expected, _ = by(warpers.TopKLogitsWarper(k), scores)
    assert np.array_equal(mask(filters.top_k(scores, k), scores), expected)


@given(ROWS, SHARES)
def test_top_p_is_transformers(warpers, scores, p):
    border = np.cumsum(np.sort(probabilities(scores))) - (1 - p)
    assume(np.abs(border).min() > 1e-5)  # where rounding decides
    kept = mask(filters.top_p(scores, p), scores)
    expected, _ = by(warpers.TopPLogitsWarper(p), scores)
    assert same_up_to_equal_ones(kept, expected, scores)
    assert probabilities(scores)[kept].sum() >= p - 1e-6
    for score in scores[kept]:  # of equal ones, the first
        equal = kept[scores == score]
        assert equal[: equal.sum()].all()


@given(ROWS, SHARES)
def test_min_p_is_transformers(warpers, scores, p):
    share = probabilities(scores) / probabilities(scores).max()
    assume(np.abs(share - p).min() > 1e-5)
    assert np.array_equal(mask(filters.min_p(scores, p), scores), by(warpers.MinPLogitsWarper(p), scores)[0])


@given(ROWS, SHARES)
def test_typical_p_is_transformers(warpers, scores, mass):
    kept = mask(filters.typical_p(scores, mass), scores)
    assert kept.any()
    chances = probabilities(scores)
    chances = chances[chances > 0]
    away = np.abs(-np.log(chances) - -(chances * np.log(chances)).sum())
    order = np.argsort(away)
    apart = np.diff(away[order])
    assume(not ((apart > 0) & (apart < 1e-4)).any())  # where rounding decides which is nearer
    assume(np.abs(np.cumsum(chances[order]) - mass).min() > 1e-5)
    assume(apart.size == 0 or apart.min() > 0)
    assert np.array_equal(kept, by(warpers.TypicalLogitsWarper(mass), scores)[0])


@pytest.mark.parametrize("spread", [0.01, 1.0, 4.0])
@pytest.mark.parametrize("value", [0.1, 0.5, 0.9, 0.99])
def test_a_large_vocabulary_is_filtered_as_transformers_does(warpers, spread, value):
    scores = np.random.default_rng(3).normal(0, spread, 20_000).astype(np.float32)
    chances = probabilities(scores)
    for ours, theirs in (
        (filters.top_p(scores, value), warpers.TopPLogitsWarper(value)),
        (filters.min_p(scores, value), warpers.MinPLogitsWarper(value)),
        (filters.typical_p(scores, value), warpers.TypicalLogitsWarper(value)),
        (filters.top_k(scores, int(value * 1000)), warpers.TopKLogitsWarper(int(value * 1000))),
    ):
        differing = mask(ours, scores) ^ by(theirs, scores)[0]
        # transformers cumulates in float32: its border may lie a few tokens beside the exact one.
        assert chances[differing].sum() < 2e-3
        assert differing.sum() <= 0.002 * len(scores)


@given(ROWS, SHARES, st.integers(1, 40))
def test_every_filter_keeps_the_likeliest_and_the_first_of_equals(scores, share, k):
    best = int(scores.argmax())
    assert best in filters.top_k(scores, k)
    assert best in filters.top_p(scores, share)
    assert best in filters.min_p(scores, share)


def test_a_saboteur_top_p_that_leaves_out_the_token_that_passes_the_border_is_seen(warpers):
    scores = np.log(np.array([0.5, 0.3, 0.2], np.float32))
    expected, _ = by(warpers.TopPLogitsWarper(0.6), scores)
    cumulated = np.cumsum(probabilities(scores))
    assert not np.array_equal(cumulated <= 0.6, expected)
    assert np.array_equal(mask(filters.top_p(scores, 0.6), scores), expected)
