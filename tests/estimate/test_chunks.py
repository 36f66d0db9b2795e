"""A score is a function of model, images, rows and what is asked: of no chunk, batch or order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import kstest
from toys import Coins, Linear, batches

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.estimate import Asked, Data, score
from aigc_core.estimate.sums import Sums
from aigc_core.estimate.weigh import noise
from aigc_core.interfaces import NoiseSpec

IMAGES = Linear().sample(13)
WHOLE = Asked("iwae", 50, 2, 5)
log_weights = st.floats(-1e6, 1e6) | st.just(-np.inf)


def scored(asked=WHOLE, size=13, **how):
    return score(Linear(), batches(IMAGES, size), asked, Data("toys"), **how)


@pytest.mark.parametrize("estimator", ["elbo", "iwae", "nll"])
@given(st.integers(1, 14), st.integers(1, 4000))
def test_no_batch_and_no_chunk_shows(estimator, size, at_once):
    asked = WHOLE._replace(estimator=estimator)
    assert np.abs(scored(asked, size, at_once=at_once).values - scored(asked).values).max() < 1e-9


def test_memory_is_bounded(monkeypatch):
    """However many draws and images: what is asked of the model at once stays as large as it may be."""
    seen = []
    real = Linear.log_weights
    monkeypatch.setattr(Linear, "log_weights", lambda self, *given: seen.append(given[2].shape) or real(self, *given))
    scored(Asked("iwae", 1000), at_once=600)
    assert max(n * k * 6 for n, k, _ in seen) <= 600
    assert sum(n * k for n, k, _ in seen) == 13 * 1000


def test_the_order_of_the_rows_changes_nothing_of_each():
    order = np.random.default_rng(0).permutation(13)
    found = score(Linear(), batches(IMAGES[order], 4, rows=order.tolist()), WHOLE, Data("toys"))
    assert np.abs(found.values - scored().values[:, order]).max() < 1e-9


def test_a_row_has_its_own_noise_whatever_is_scored_beside_it():
    some = [2, 3, 11]
    found = score(Linear(), batches(IMAGES[some], rows=some), WHOLE, Data("toys"))
    assert np.abs(found.values - scored().values[:, some]).max() < 1e-9


def test_seed_and_round_change_the_draws():
    one, other = scored(), scored(WHOLE._replace(seed=6))
    assert np.abs(one.values[0] - one.values[1]).min() > 1e-6
    assert np.abs(one.values - other.values).min() > 1e-6
    assert np.array_equal(one.values, scored().values)


def test_few_draws_are_the_first_of_many():
    spec = NoiseSpec((2, 3), "normal")
    many = noise(spec, 3, 1, [4, 9], range(20))
    assert np.array_equal(many[:, 5:8], noise(spec, 3, 1, [4, 9], range(5, 8)))
    assert many.shape == (2, 20, 2, 3)
    assert many.dtype == np.float32


def test_the_noise_is_standard_normal_and_no_draw_is_anothers():
    drawn = np.concatenate([noise(NoiseSpec((5,), "normal"), 0, round_, [0, 1, 2**28 - 1], range(400)).reshape(-1, 5)
                            for round_ in (0, 1, 127)])  # fmt: skip
    assert len(np.unique(drawn, axis=0)) == len(drawn)
    assert kstest(drawn.ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("row", [-1, 2**28])
def test_a_row_without_noise_of_its_own_is_refused(row):
    with pytest.raises(WrongUse, match=r"from 0 to 268,435,455"):
        score(Linear(), batches(IMAGES[:1], rows=[row]), WHOLE, Data("toys"))


@given(st.lists(st.lists(log_weights, min_size=3, max_size=3), min_size=1, max_size=9), st.data())
def test_sums_are_those_of_all_at_once(columns, data):
    weights = np.array(columns).T
    sums = Sums(3)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, weights.shape[1] - 1)), max_size=4)))
    for part in np.split(weights, cuts, axis=1):
        if part.shape[1]:
            sums.add(part)
    expected = logsumexp(weights, axis=1) - np.log(weights.shape[1])
    assert sums.log_mean() == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert sums.mean() == pytest.approx(weights.mean(1), rel=1e-12, abs=1e-9)


class Broken(Linear):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def log_weights(self, images, labels, drawn):
        return self.change(super().log_weights(images, labels, drawn))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: weights * np.nan, r"log weights are not finite"),
        (lambda weights: weights * 0 + np.inf, r"log weights are not finite"),
        (lambda weights: weights.astype(np.float32), r"log weights are float32 \[13, 50\], not float64 \[13, 50\]"),
        (lambda weights: weights[:, :1], r"log weights are float64 \[13, 1\], not float64 \[13, 50\]"),
        (lambda weights: weights.tolist(), r"log weights are list, not float64"),
    ],
)
def test_weights_that_are_none_are_refused(change, said):
    with pytest.raises(NotAvailable, match=said):
        score(Broken(change), batches(IMAGES, 13), WHOLE, Data("toys"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("parzen"), r"no estimator parzen; there is elbo, iwae, nll, exact"),
        (Asked("elbo", 0), r"draws is 0"),
        (Asked("elbo", 2**28 + 1), r"draws is 268,435,457"),
        (Asked("elbo", 1, 0), r"rounds is 0"),
        (Asked("elbo", 1, 129), r"rounds is 129"),
        (Asked("elbo", 1, 1, -1), r"seed is -1"),
        (Asked("exact"), r"likelihoods are not exact"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(asked, said):
    with pytest.raises(WrongUse, match=said):
        scored(asked)


def test_nothing_has_no_score():
    with pytest.raises(WrongUse, match=r"no images to score"):
        score(Linear(), iter(()), WHOLE, Data("toys"))


def test_exact_likelihoods_need_one_draw():
    found = score(Coins([0.5] * 6), batches(np.ones((3, 1, 2, 3), np.float32)), Asked("exact", 99, 9), Data("coins"))
    assert found.values.shape == (1, 3)
