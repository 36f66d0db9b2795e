"""Distributions of pixels: probabilities sum to 1, densities integrate to 1, and nothing overflows."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_vae.conv import LIKELIHOODS
from aigc_vae.likelihoods import Bernoulli, Gaussian
from aigc_vae.logistic import LogisticMixture

every = pytest.mark.parametrize("kind", LIKELIHOODS.values(), ids=LIKELIHOODS)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def levels(channels=1):
    """Every grey level, as images of one pixel."""
    return (torch.arange(256, dtype=torch.float64) / 255)[:, None, None, None].expand(256, channels, 1, 1)


@every
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(kind, channels):
    likelihood = kind().double()
    parameters = random(5, 2, likelihood.per_value * channels, 4, 4)
    images = random(5, 1, channels, 4, 4).sigmoid()
    assert likelihood.log_prob(parameters, images).shape == (5, 2)
    assert likelihood.mean(parameters).shape == (5, 2, channels, 4, 4)


@every
def test_pixels_are_independent(kind):
    """ln p of an image is the sum over its pixels and channels."""
    likelihood = kind().double()
    parameters, images = random(3, likelihood.per_value * 2, 4, 4), random(3, 2, 4, 4).sigmoid()
    each = [
        likelihood.log_prob(
            parameters.unflatten(1, (2, -1))[:, c, :, h : h + 1, w : w + 1], images[:, c : c + 1, h : h + 1, w : w + 1]
        )
        for c, h, w in itertools.product(range(2), range(4), range(4))
    ]
    torch.testing.assert_close(likelihood.log_prob(parameters, images), torch.stack(each).sum(0))


@every
@pytest.mark.parametrize("size", [50.0, -50.0, 1e4, -1e4])
def test_finite_with_finite_gradients_whatever_the_decoder_says(kind, size):
    likelihood = kind()
    parameters = torch.full((1, likelihood.per_value, 2, 2), size, requires_grad=True)
    for value in (0.0, 1 / 255, 0.5, 1.0):
        found = likelihood.log_prob(parameters, torch.full((1, 1, 2, 2), value))
        found.sum().backward()
        assert torch.isfinite(found).all()
        assert torch.isfinite(parameters.grad).all()
    assert torch.isfinite(likelihood.mean(parameters)).all()


@every
@given(st.floats(-30, 30))
def test_what_is_shown_lies_in_the_range(kind, size):
    likelihood = kind()
    mean = likelihood.mean(torch.full((1, likelihood.per_value, 2, 2), size))
    assert mean.min() >= 0
    assert mean.max() <= 1


def test_only_densities_are_no_probabilities():
    levels = {name: kind.levels for name, kind in LIKELIHOODS.items()}
    assert levels == {"bernoulli": 2, "gaussian": 0, "logistic-mixture": 256}


# Each against what it is.


def test_bernoullis_sum_to_one_over_all_images():
    every_image = torch.tensor(list(itertools.product((0.0, 1.0), repeat=8)), dtype=torch.float64).view(256, 1, 2, 4)
    found = Bernoulli().log_prob(3 * random(1, 1, 2, 4), every_image)
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-12)
    grey = Bernoulli().log_prob(3 * random(1, 1, 2, 4), every_image * 0.9)
    assert grey.exp().sum().item() != pytest.approx(1, abs=1e-2)  # a grey image's is no likelihood


def test_bernoulli_is_the_cross_entropy():
    logits, images = random(3, 1, 4, 4), random(3, 1, 4, 4, seed=1).sigmoid()
    p = logits.sigmoid()
    expected = (images * p.log() + (1 - images) * (1 - p).log()).flatten(1).sum(1)
    torch.testing.assert_close(Bernoulli().log_prob(logits, images), expected)
    torch.testing.assert_close(Bernoulli().mean(logits), p)


def test_gaussian_is_that_of_torch_distributions():
    likelihood = Gaussian().double()
    likelihood.log_scale.data.fill_(-1.3)
    parameters, images = random(3, 1, 4, 4), random(3, 1, 4, 4, seed=1)
    expected = torch.distributions.Normal(parameters, math.exp(-1.3)).log_prob(images).flatten(1).sum(1)
    torch.testing.assert_close(likelihood.log_prob(parameters, images).detach(), expected)


def test_the_best_gaussian_scale_is_the_deviation_of_the_errors():
    """arXiv 2006.13202: at the maximum, the variance is the mean squared error."""
    likelihood = Gaussian().double()
    parameters, images = random(50, 1, 4, 4), random(50, 1, 4, 4, seed=1)
    error = (images - parameters).square().mean().sqrt().item()
    likelihood.log_scale.data.fill_(math.log(error))
    likelihood.log_prob(parameters, images).sum().backward()
    assert likelihood.log_scale.grad.item() == pytest.approx(0, abs=1e-8)


def test_a_perfect_decoder_does_not_make_a_gaussian_infinite():
    likelihood = Gaussian()
    likelihood.log_scale.data.fill_(-1000.0)
    same = torch.full((1, 1, 2, 2), 0.3)
    assert torch.isfinite(likelihood.log_prob(same, same)).all()


# The logistic mixture.


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
def test_levels_sum_to_one(channels, spread):
    likelihood = LogisticMixture()
    for seed in range(5):
        parameters = spread * random(1, 15 * channels, 1, 1, seed=seed)
        parameters = parameters.view(channels, 15)[:1].repeat(channels, 1).view(1, -1, 1, 1)
        found = likelihood.log_prob(parameters, levels(channels)) / channels  # channels alike: p of a level, to a power
        assert found.exp().sum().item() == pytest.approx(1, abs=1e-10)


@given(st.floats(-1.5, 1.5), st.floats(-7, 7))
def test_levels_sum_to_one_in_single_precision_too(mean, log_scale):
    parameters = torch.tensor([0.0, mean, log_scale]).view(1, 3, 1, 1)
    found = LogisticMixture(1).log_prob(parameters, levels().float())
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_a_level_is_the_difference_of_two_sigmoids():
    """The definition: the distribution's mass within half a level of it; black and white have all beyond."""
    mean, log_scale = 0.2, -1.5
    parameters = torch.tensor([0.0, mean, log_scale], dtype=torch.float64).view(1, 3, 1, 1)
    at = torch.arange(256, dtype=torch.float64) * 2 / 255 - 1
    above = ((at + 1 / 255 - mean) / math.exp(log_scale)).sigmoid()
    below = ((at - 1 / 255 - mean) / math.exp(log_scale)).sigmoid()
    above[-1], below[0] = 1.0, 0.0
    torch.testing.assert_close(LogisticMixture(1).log_prob(parameters, levels()), (above - below).log())


def test_far_from_the_mean_a_level_keeps_its_logarithm():
    """There both sigmoids are 1 in float32, and their difference would be 0."""
    parameters = torch.tensor([0.0, -0.9, -4.0]).view(1, 3, 1, 1)
    exact = LogisticMixture(1).log_prob(parameters.double(), levels()[200:201])
    found = LogisticMixture(1).log_prob(parameters, levels()[200:201].float())
    assert found.item() == pytest.approx(exact.item(), rel=1e-5)
    assert found.item() < -60


def test_a_mixture_is_the_sum_of_its_components():
    parts = random(1, 15, 1, 1, seed=3)
    logits, means, log_scales = parts.view(3, 5)
    each = [
        LogisticMixture(1).log_prob(torch.stack([torch.zeros(()), m, s]).view(1, 3, 1, 1), levels())
        for m, s in zip(means, log_scales, strict=True)
    ]
    expected = torch.logsumexp(torch.stack(each, 1) + logits.log_softmax(0), 1)
    torch.testing.assert_close(LogisticMixture().log_prob(parts, levels()), expected)


@pytest.mark.parametrize("seed", range(5))
def test_its_mean_is_that_of_its_levels_within_half_a_level(seed):
    parameters = 2 * random(1, 15, 1, 1, seed=seed)
    expected = (LogisticMixture().log_prob(parameters, levels()).exp() * levels().flatten()).sum().item()
    assert LogisticMixture().mean(parameters).item() == pytest.approx(expected, abs=0.5 / 255)


def test_where_nothing_is_known_a_level_costs_eight_bits():
    """One component over the whole range and flat: the widest scale has all its mass at black and white instead."""
    parameters = torch.tensor([0.0, 0.0, 0.0], dtype=torch.float64).view(1, 3, 1, 1)
    bits = -LogisticMixture(1).log_prob(parameters, levels()[1:-1]).mean().item() / math.log(2)
    assert 8 < bits < 10
