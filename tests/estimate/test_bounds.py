"""ELBO <= IWAE-k <= ln p(x), rising with k, on a model whose ln p(x) is known; and sums over all outcomes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from toys import SHAPE, Coins, Linear, WithoutPrior, batches

from aigc_core.estimate import Asked, Data, score

KS = (1, 2, 5, 20, 100)
DATA = Data("toys")
IMAGES = Linear().sample(60)


def measured(model, estimator, draws, rounds=30, seed=0, images=IMAGES):
    return score(model, batches(images), Asked(estimator, draws, rounds, seed), DATA)


def check_order(model):
    """The bounds of the same draws rise with k, and none is above ln p(x)."""
    truth = model.log_evidence(IMAGES)
    found = [measured(model, "iwae", k) for k in KS]
    # Per image: the mean over rounds, whose error is that of 30 rounds.
    means = np.stack([each.values.mean(0) for each in found])
    errors = np.stack([each.values.std(0, ddof=1) / math.sqrt(30) for each in found])
    assert (means < truth + 5 * errors + 1e-9).all()
    values = [each.nats for each in found]
    assert values == sorted(values)
    assert values[0] < truth.mean() - 0.2
    assert truth.mean() - 0.02 < values[-1] < truth.mean()


@pytest.mark.parametrize("model", [Linear(), Linear(wide=1.1, off=-1), Linear(wide=2, off=0)], ids=["a", "b", "c"])
def test_the_bounds_are_in_order(model):
    check_order(model)


def test_saboteur_weights_without_the_prior_break_the_order():
    with pytest.raises(AssertionError):
        check_order(WithoutPrior())


def test_saboteur_a_mean_of_weights_that_forgets_the_count_breaks_the_order(monkeypatch):
    from aigc_core.estimate import ESTIMATORS

    real = ESTIMATORS["iwae"]
    monkeypatch.setitem(ESTIMATORS, "iwae", real._replace(of=lambda sums: sums.log_mean() + np.log(sums.count)))
    with pytest.raises(AssertionError):
        check_order(Linear())


@pytest.mark.parametrize("draws", [1, 10])
def test_the_elbo_is_below_by_the_divergence_to_the_posterior(draws):
    model = Linear()
    found = measured(model, "elbo", draws, rounds=60)
    gap = model.log_evidence(IMAGES).mean() - found.nats
    each = found.values.mean(1)
    assert gap == pytest.approx(model.gap, abs=5 * each.std(ddof=1) / math.sqrt(60))


def test_one_draw_is_the_elbo():
    assert np.array_equal(measured(Linear(), "iwae", 1).values, measured(Linear(), "elbo", 1).values)


def test_the_nll_is_the_bound_of_as_many_draws_negated():
    assert np.array_equal(measured(Linear(), "nll", 5).values, -measured(Linear(), "iwae", 5).values)


def test_the_posterior_itself_leaves_no_gap():
    model = Linear(wide=1, off=0)
    truth = model.log_evidence(IMAGES)
    for estimator, draws, sign in (("elbo", 1, 1), ("elbo", 3, 1), ("iwae", 7, 1), ("nll", 2, -1)):
        found = measured(model, estimator, draws, rounds=2)
        assert found.values == pytest.approx(np.stack([sign * truth] * 2), abs=1e-6)  # images are float32


def test_an_exact_model_sums_to_one_over_all_outcomes():
    model = Coins([0.1, 0.5, 0.7, 0.99, 0.25, 1e-3])
    outcomes = np.array(list(itertools.product([0, 1], repeat=6)), np.float32).reshape(-1, *SHAPE)
    found = score(model, batches(outcomes), Asked("exact"), Data("coins", "fixed"))
    assert np.exp(-found.values).sum() == pytest.approx(1, abs=1e-12)
    assert found.values.shape == (1, 64)


def test_a_fair_coin_is_a_bit_a_pixel_and_ln_2_nats():
    images = np.random.default_rng(0).integers(0, 2, (9, *SHAPE)).astype(np.float32)
    found = score(Coins([0.5] * 6), batches(images), Asked("exact"), Data("coins", "fixed"))
    assert found.nats == pytest.approx(6 * math.log(2))
    assert found.bits == pytest.approx(1.0)
    assert found.id == "nll-exact@coins.fixed"
    assert found.interval == pytest.approx((found.nats, found.nats))


def test_what_is_impossible_is_infinite_and_no_fault():
    images = np.ones((2, *SHAPE), np.float32)
    found = score(Coins([0.5] * 5 + [0]), batches(images), Asked("exact"), Data("coins", "fixed"))
    assert (found.nats, found.bits) == (math.inf, math.inf)
    assert (found.interval, found.error_over_images) == (None, None)
