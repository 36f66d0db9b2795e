"""Each bound as a loss: its terms, its inputs, and that the batch's is the mean of its rows'."""

import math

import pytest
import torch

from aigc_core.interfaces import Loss
from aigc_vae.losses import BetaElbo, Elbo, Iwae, NegativeLogLikelihood

LOSSES = [Elbo, BetaElbo, Iwae, NegativeLogLikelihood]
every_loss = pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)


def random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inputs(kind, count=5, k=3, dims=4):
    every = {
        "log_likelihood": random(count, k, seed=1) - 90,
        "divergence": random(count, dims, seed=2).square(),
        "log_weights": random(count, k, seed=3) - 95,
        "warmth": torch.tensor(0.25),
    }
    (wanted,) = kind.networks.values()
    return {name: every[name] for name in wanted}


def role(kind):
    (found,) = kind.networks
    return found


@every_loss
def test_is_a_loss(kind):
    assert isinstance(kind(), Loss)


@every_loss
def test_a_missing_input_is_named(kind):
    for name in kind.networks[role(kind)]:
        given = inputs(kind)
        del given[name]
        with pytest.raises(KeyError, match=name):
            kind()(role(kind), given)


@every_loss
def test_another_network_is_named(kind):
    with pytest.raises(KeyError, match="generator"):
        kind()("generator", inputs(kind))


@every_loss
def test_the_loss_of_a_batch_is_the_mean_of_its_rows(kind):
    given = inputs(kind)
    rows = [
        kind()(role(kind), {name: value[i : i + 1] if value.dim() else value for name, value in given.items()})
        for i in range(5)
    ]
    for name, value in kind()(role(kind), given).items():
        torch.testing.assert_close(value, torch.stack([row[name] for row in rows]).mean())


def test_the_elbo_is_reconstruction_and_divergence():
    given = inputs(Elbo)
    terms = Elbo()("autoencoder", given)
    torch.testing.assert_close(terms["reconstruction"], -given["log_likelihood"].mean())
    torch.testing.assert_close(terms["kl"], given["divergence"].sum(1).mean())
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + terms["kl"])


def test_a_decoder_that_knows_nothing_pays_ln_two_a_pixel():
    nothing = {"log_likelihood": torch.full((2, 1), -784 * math.log(2)), "divergence": torch.zeros(2, 5)}
    assert Elbo()("autoencoder", nothing)["loss"].item() == pytest.approx(784 * math.log(2), rel=1e-6)


def test_beta_one_is_the_elbo():
    given = inputs(BetaElbo) | {"warmth": torch.tensor(1.0)}
    terms, plain = BetaElbo()("autoencoder", given), Elbo()("autoencoder", given)
    for name in ("loss", "reconstruction", "kl"):
        torch.testing.assert_close(terms[name], plain[name])
    torch.testing.assert_close(terms["elbo"], plain["loss"])


@pytest.mark.parametrize("warmth", [0.0, 0.5, 1.0])
def test_beta_and_warmth_weigh_the_divergence_alone(warmth):
    given = inputs(BetaElbo) | {"warmth": torch.tensor(warmth)}
    terms = BetaElbo(beta=4)("autoencoder", given)
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 4 * warmth * terms["kl"])
    torch.testing.assert_close(terms["elbo"], terms["reconstruction"] + terms["kl"])


def test_free_bits_are_the_least_that_a_dimension_costs():
    """arXiv 1606.04934: the maximum is of the batch's mean, dimension by dimension."""
    given = {
        "log_likelihood": torch.zeros(2, 1),
        "divergence": torch.tensor([[0.0, 1.0, 3.0], [0.2, 0.0, 5.0]], requires_grad=True),
        "warmth": torch.tensor(1.0),
    }
    terms = BetaElbo(free_bits=0.4)("autoencoder", given)
    assert terms["loss"].item() == pytest.approx(0.4 + 0.5 + 4.0)
    assert terms["kl"].item() == pytest.approx(0.1 + 0.5 + 4.0)
    terms["loss"].backward()
    assert given["divergence"].grad.tolist() == [[0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]  # what is free is not pressed


@pytest.mark.parametrize("config", [{"beta": -1}, {"beta": math.nan}, {"free_bits": -0.1}, {"free_bits": math.inf}])
def test_what_cannot_weigh_is_refused(config):
    with pytest.raises(ValueError, match="numbers from 0 up"):
        BetaElbo(**config)


def test_iwae_of_one_draw_is_its_weight():
    weights = random(5, 1, seed=1)
    torch.testing.assert_close(Iwae()("autoencoder", {"log_weights": weights})["loss"], -weights.mean())


def test_iwaes_gradient_weighs_the_draws_by_what_they_count():
    """arXiv 1509.00519, equation 14: by the normalised weights."""
    weights = random(1, 4, seed=2).requires_grad_()
    Iwae()("autoencoder", {"log_weights": weights})["loss"].backward()
    torch.testing.assert_close(weights.grad, -weights.detach().softmax(1))


def test_more_draws_give_no_lower_bound():
    """The mean over pairs of draws is above the mean over single ones, by Jensen, for any weights."""
    weights = random(400, 2, seed=3)
    single, pairs = (Iwae()("autoencoder", {"log_weights": each})["loss"] for each in (weights.view(-1, 1), weights))
    assert pairs < single


def test_an_exact_likelihood_is_its_negative():
    values = random(6, seed=4)
    torch.testing.assert_close(NegativeLogLikelihood()("density", {"log_likelihood": values})["loss"], -values.mean())
