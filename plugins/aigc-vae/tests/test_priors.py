"""The VampPrior: a mixture of the encoder's posteriors of pseudo-inputs, against torch's own mixture."""

import math

import pytest
import torch

from aigc_vae.evidence import divergence, log_weights, standard_log_density
from aigc_vae.networks import Mlp28
from aigc_vae.priors import VampPrior, mixture_log_density


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def expected(latent, mean, log_variance):
    distributions = torch.distributions
    parts = distributions.Independent(distributions.Normal(mean, (0.5 * log_variance).exp()), 1)
    shares = distributions.Categorical(torch.ones(len(mean), dtype=mean.dtype))
    return distributions.MixtureSameFamily(shares, parts).log_prob(latent)


@pytest.mark.parametrize("count", [1, 7])
def test_the_density_is_that_of_torch_distributions(count):
    latent, mean, log_variance = random(3, 5, 4), random(count, 4, seed=1), random(count, 4, seed=2)
    torch.testing.assert_close(
        mixture_log_density(latent, mean, log_variance), expected(latent, mean, log_variance), rtol=1e-10, atol=1e-10
    )


def test_the_density_keeps_its_digits_where_posteriors_are_narrow():
    """Far from 0 and narrow: the squares that are multiplied out are 1e5 and their sum is 1."""
    mean, log_variance = 4 + random(6, 40, seed=1), random(6, 40, seed=2) - 8
    latent = (mean + (0.5 * log_variance).exp() * random(6, 40, seed=3))[None]
    found = mixture_log_density(latent.float(), mean.float(), log_variance.float())
    close = [each.float().double() for each in (latent, mean, log_variance)]  # rounded alike, then exact
    torch.testing.assert_close(found.double(), expected(*close), rtol=1e-6, atol=1e-6)
    z, m, s = (each.float() for each in (latent, mean, log_variance))
    careless = z.square() @ (-s).exp().T - 2 * z @ (m * (-s).exp()).T + (m.square() * (-s).exp()).sum(1)
    exact = (z[:, :, None].double() - m.double()).square() / s.double().exp()
    assert (careless.double() - exact.sum(-1)).diagonal(dim1=1, dim2=2).abs().max() > 1e-3


def test_of_the_standard_normal_it_is_the_standard_normal():
    latent, zero = random(3, 2, 4), torch.zeros(5, 4, dtype=torch.float64)
    torch.testing.assert_close(mixture_log_density(latent, zero, zero), standard_log_density(latent))


def test_pseudo_inputs_are_images():
    prior = VampPrior(6, (1, 4, 4))
    assert prior().shape == (6, 1, 4, 4)
    torch.nn.init.uniform_(prior.pseudo_inputs, -3, 3)
    assert prior().min() == 0
    assert prior().max() == 1


def test_every_pseudo_input_can_learn_from_the_first_step_on():
    """What begins outside of [0, 1] is clamped and never gets a gradient."""
    prior = VampPrior(6, (1, 4, 4))
    prior().sum().backward()
    assert (prior.pseudo_inputs.grad == 1).all()


@pytest.mark.parametrize(("uniform", "index"), [(0.0, 0), (0.24, 0), (0.25, 1), (0.99, 3), (1.0, 3)])
def test_a_number_chooses_a_component(uniform, index):
    """Noise is below 1, and in float32 it can round up to it."""
    prior = VampPrior(4, (1, 4, 4))
    assert torch.equal(prior.chosen(torch.tensor([uniform]))[0], prior()[index])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Mlp28(16, 3, pseudo_inputs=5)


def test_the_network_uses_it(network):
    images, noise = torch.rand(4, 1, 28, 28), torch.randn(4, 2, 3)
    drawn = network(images, noise)
    parts = network.encode(network.prior())
    torch.testing.assert_close(drawn.log_prior, expected(drawn.latent, *parts), rtol=1e-4, atol=1e-4)
    assert Mlp28(16, 3)(images, noise).log_prior is None
    weights = log_weights(drawn)
    posterior = expected(drawn.latent[:1], drawn.mean[:1], drawn.log_variance[:1])
    torch.testing.assert_close(weights[:1], drawn.log_likelihood[:1] + drawn.log_prior[:1] - posterior)


def test_the_prior_trains_pseudo_inputs_and_encoder(network):
    drawn = network(torch.rand(4, 1, 28, 28), torch.randn(4, 1, 3))
    divergence(drawn).sum().backward()
    assert network.prior.pseudo_inputs.grad.abs().sum() > 0


def test_pseudo_inputs_are_encoded_once_a_pass(network):
    seen = []
    network.encoder.register_forward_hook(lambda module, given, found: seen.append(len(given[0])))
    network(torch.rand(4, 1, 28, 28), torch.randn(4, 6, 3))
    assert seen == [4, 5]


def test_where_the_images_are_the_pseudo_inputs_the_divergence_is_below_ln_k(network):
    """q(z | u_k) is a component of p(z), of weight 1/K: ln q / p is at most ln K for every draw."""
    drawn = network(network.prior(), torch.randn(5, 50, 3))
    assert (log_weights(drawn) - drawn.log_likelihood >= -math.log(5) - 1e-4).all()


def test_classes_and_pseudo_inputs_exclude_one_another():
    with pytest.raises(ValueError, match="without classes"):
        Mlp28(16, 3, classes=10, pseudo_inputs=5)
