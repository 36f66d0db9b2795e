"""The terms of every bound against exact values: closed forms, and a model whose ln p(x) is known (DESIGN, 7)."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aigc_vae.autoencoder import VariationalAutoencoder
from aigc_vae.evidence import Drawn, divergence, log_weights, standard_divergence, standard_log_density
from aigc_vae.likelihoods import Gaussian
from aigc_vae.losses import Elbo, Iwae

means, log_variances = st.floats(-5, 5), st.floats(-8, 4)
SCALE = 0.5


def tensor(value):
    return torch.tensor([[value]], dtype=torch.float64)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Linear(VariationalAutoencoder):
    """z ~ N(0, 1), x | z ~ N(W z + b, SCALE^2): so x ~ N(b, W W' + SCALE^2), and the posterior is known too."""

    shape = (1, 2, 2)

    def __init__(self, latent_dim=1, wrong=0.0):
        super().__init__()
        self.latent_dim, self.wrong = latent_dim, wrong
        self.weight, self.bias = random(4, latent_dim), random(4, seed=1)
        self.likelihood = Gaussian().double()
        nn.init.constant_(self.likelihood.log_scale, math.log(SCALE))

    def encode(self, images, labels=None):
        """Return the exact posterior where it is one number, plus how wrong this one is."""
        precision = torch.eye(self.latent_dim, dtype=torch.float64) + self.weight.T @ self.weight / SCALE**2
        mean = (images.flatten(1) - self.bias) @ self.weight / SCALE**2 @ precision.inverse()
        log_variance = -precision.diagonal().log().expand_as(mean)
        return mean + self.wrong, log_variance + self.wrong

    def decode(self, latent, labels=None):
        return (latent @ self.weight.T + self.bias).view(-1, *self.shape)

    def exact(self, images):
        covariance = self.weight @ self.weight.T + SCALE**2 * torch.eye(4, dtype=torch.float64)
        return torch.distributions.MultivariateNormal(self.bias, covariance).log_prob(images.flatten(1))


def images(count=3):
    return random(count, 1, 2, 2, seed=2)


# The divergence.


@given(means, log_variances)
def test_the_divergence_is_that_of_torch_distributions(mean, log_variance):
    normal = torch.distributions.Normal(tensor(mean), tensor(log_variance).mul(0.5).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(tensor(0.0), tensor(1.0)))
    torch.testing.assert_close(standard_divergence(tensor(mean), tensor(log_variance)), expected, rtol=1e-9, atol=1e-9)


@given(means, log_variances)
def test_the_divergence_is_never_below_zero(mean, log_variance):
    assert standard_divergence(tensor(mean).float(), tensor(log_variance).float()).item() >= -1e-6


def test_the_divergence_of_the_prior_from_itself_is_zero():
    assert standard_divergence(tensor(0.0), tensor(0.0)).item() == 0


def test_the_divergence_keeps_its_digits_near_the_prior():
    """s^2 - 1 - ln s^2 is v^2 / 2 there: subtracted in float32, it would be noise."""
    near = torch.tensor([[1e-3]])
    assert standard_divergence(torch.zeros(1, 1), near).item() == pytest.approx(2.5e-7, rel=1e-2)
    assert (0.5 * (near.exp() - 1 - near)).item() != pytest.approx(2.5e-7, rel=1e-2)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 0.0), (1.5, -1.0), (-0.7, 0.8)])
def test_the_divergence_is_the_mean_of_log_q_over_p(mean, log_variance):
    """Monte Carlo: within five standard errors."""
    deviation = math.exp(log_variance / 2)
    noise = random(200_000, seed=1)
    z = mean + deviation * noise
    ratio = -noise.square() / 2 - math.log(deviation) + z.square() / 2
    error = ratio.std().item() / math.sqrt(len(ratio))
    found = standard_divergence(tensor(mean), tensor(log_variance)).item()
    assert found == pytest.approx(ratio.mean().item(), abs=5 * error + 1e-12)


def test_a_learned_priors_divergence_is_by_its_draws():
    """Of N(0, 1) as if it were learned, its mean is the closed form: within five standard errors."""
    network = Linear(2, wrong=0.3)
    drawn = network(images(1), random(1, 100_000, 2, seed=3))
    learned = drawn._replace(log_prior=standard_log_density(drawn.latent))
    each = -0.5 * drawn.noise.square().sum(-1) - 0.5 * drawn.log_variance.sum() + 0.5 * drawn.latent.square().sum(-1)
    error = each.std().item() / math.sqrt(100_000)
    assert divergence(learned).shape == (1, 1)
    assert divergence(learned).sum().item() == pytest.approx(divergence(drawn).sum().item(), abs=5 * error)
    assert divergence(learned).item() == pytest.approx(each.mean().item(), rel=1e-9)


# Bounds on a likelihood that is known.


def test_with_the_exact_posterior_every_weight_is_the_likelihood():
    """ln p(x, z) / p(z | x) = ln p(x), whatever z: any term left out, doubled or of the wrong sign shows."""
    network = Linear()
    found = log_weights(network(images(), random(3, 7, 1, seed=4)))
    torch.testing.assert_close(found, network.exact(images())[:, None].expand(3, 7), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spoil", ["log_likelihood", "noise", "latent", "log_variance"])
def test_a_wrong_term_shows_in_the_weights(spoil):
    network = Linear()
    drawn = network(images(), random(3, 7, 1, seed=4))
    wrong = drawn._replace(**{spoil: getattr(drawn, spoil) * 1.01})
    assert (log_weights(wrong) - network.exact(images())[:, None]).abs().max() > 1e-3


def bound(network, k, loss, seed=5):
    """Return the mean of a bound over 4,000 times k draws, image by image, and its standard error."""
    repeated = images().repeat_interleave(4000, 0)
    drawn = network(repeated, random(len(repeated), k, network.latent_dim, seed=seed))
    inputs = {
        "log_weights": log_weights(drawn),
        "log_likelihood": drawn.log_likelihood,
        "divergence": divergence(drawn),
    }
    each = [
        -loss("autoencoder", {name: value[i : i + 1] for name, value in inputs.items()})["loss"]
        for i in range(0, len(repeated), 20)
    ]
    values = torch.stack(each).view(3, -1)
    return values.mean(1), values.std(1) / math.sqrt(values.shape[1])


def test_elbo_below_iwae_below_the_likelihood():
    network = Linear(2, wrong=0.5)
    with torch.no_grad():
        found = [bound(network, 1, Elbo()), *(bound(network, k, Iwae()) for k in (1, 4, 16, 64))]
        exact = network.exact(images())
    (elbo, error), (one, one_error) = found[:2]
    assert ((elbo - one).abs() < 5 * (error + one_error)).all()  # k = 1 is the ELBO
    steps = [value for value, _ in found[1:]] + [exact]
    for lower, upper in itertools.pairwise(steps):
        assert (upper > lower).all()
    assert (exact - steps[-2] < (exact - elbo) / 4).all()


def test_the_gap_of_the_elbo_is_the_posteriors_divergence():
    """ln p(x) - ELBO = KL(q(z | x) | p(z | x)), both normal: a closed form on either side."""
    right, wrong = Linear(), Linear(wrong=0.4)
    with torch.no_grad():
        q, p = (
            torch.distributions.Normal(mean, (0.5 * log_variance).exp())
            for mean, log_variance in (each.encode(images()) for each in (wrong, right))
        )
        gap = torch.distributions.kl_divergence(q, p).mean().item()
        # The reconstruction is quadratic in the noise: its mean is that over -1 and 1.
        drawn = wrong(images(), torch.tensor([[[-1.0], [1.0]]], dtype=torch.float64).expand(3, 2, 1))
        inputs = {"log_likelihood": drawn.log_likelihood, "divergence": divergence(drawn)}
        elbo = -Elbo()("autoencoder", inputs)["loss"].item()
    assert right.exact(images()).mean().item() - elbo == pytest.approx(gap, rel=1e-9)
    assert gap > 0.01


def test_iwae_is_the_logarithm_of_the_mean_weight():
    weights = random(5, 4)
    expected = -weights.exp().mean(1).log().mean()
    torch.testing.assert_close(Iwae()("autoencoder", {"log_weights": weights})["loss"], expected)


def test_iwae_is_finite_where_weights_cannot_be_exponentiated():
    weights = torch.tensor([[-2000.0, -2001.0]])
    found = Iwae()("autoencoder", {"log_weights": weights})["loss"].item()
    assert found == pytest.approx(2000 + math.log(2) - math.log1p(math.exp(-1)), rel=1e-6)


def test_a_draw_keeps_its_parts():
    network = Linear(2, wrong=0.1)
    noise = random(3, 5, 2, seed=6)
    drawn = network(images(), noise)
    assert isinstance(drawn, Drawn)
    assert drawn.log_likelihood.shape == (3, 5)
    assert drawn.log_prior is None
    assert torch.equal(drawn.noise, noise)
    rebuilt = drawn.mean[:, None] + (0.5 * drawn.log_variance).exp()[:, None] * noise
    torch.testing.assert_close(drawn.latent, rebuilt)
    # Draw j of image i is of latent j of image i: rows and draws are not mixed up.
    alone = network(images()[2:], noise[2:, 3:4])
    torch.testing.assert_close(alone.log_likelihood[0, 0], drawn.log_likelihood[2, 3])
