"""The evidence lower bound against its closed forms (arXiv 1312.6114, equation 10 and appendix B; DESIGN section 7)."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.interfaces import Loss
from aigc_vae.losses import Elbo, divergence
from aigc_vae.networks import Mlp28

means, log_variances = st.floats(-5, 5), st.floats(-8, 4)


def tensor(value):
    return torch.tensor([[value]], dtype=torch.float64)


def inputs(count=3, dims=2, dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=random, dtype=dtype)  # noqa: E731
    images = torch.rand(count, 1, 28, 28, generator=random, dtype=dtype)
    return {
        "logits": draw(count, 1, 28, 28),
        "images": images,
        "mean": draw(count, dims),
        "log_variance": draw(count, dims),
    }


def test_is_a_loss():
    assert isinstance(Elbo(), Loss)
    assert set(Elbo().networks) == {"autoencoder"}


@pytest.mark.parametrize("name", Elbo.networks["autoencoder"])
def test_a_missing_input_is_named(name):
    given = inputs()
    del given[name]
    with pytest.raises(KeyError, match=name):
        Elbo()("autoencoder", given)


def test_another_network_is_named():
    with pytest.raises(KeyError, match="generator"):
        Elbo()("generator", inputs())


@given(means, log_variances)
def test_the_divergence_is_that_of_torch_distributions(mean, log_variance):
    normal = torch.distributions.Normal(tensor(mean), tensor(log_variance).mul(0.5).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(tensor(0.0), tensor(1.0)))
    torch.testing.assert_close(divergence(tensor(mean), tensor(log_variance)), expected, rtol=1e-9, atol=1e-9)


@given(means, log_variances)
def test_the_divergence_is_never_below_zero(mean, log_variance):
    assert divergence(tensor(mean).float(), tensor(log_variance).float()).item() >= -1e-6


def test_the_divergence_of_the_prior_from_itself_is_zero():
    assert divergence(tensor(0.0), tensor(0.0)).item() == 0


def test_the_divergence_keeps_its_digits_near_the_prior():
    """s^2 - 1 - ln s^2 is v^2 / 2 there: subtracted in float32, it would be noise."""
    assert divergence(torch.tensor([[0.0]]), torch.tensor([[1e-3]])).item() == pytest.approx(2.5e-7, rel=0.2)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 0.0), (1.5, -1.0), (-0.7, 0.8)])
def test_the_divergence_is_the_mean_of_log_q_over_p(mean, log_variance):
    """Monte Carlo: within five standard errors."""
    deviation = math.exp(log_variance / 2)
    noise = torch.randn(200_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = mean + deviation * noise
    ratio = -noise.square() / 2 - math.log(deviation) + z.square() / 2
    error = ratio.std().item() / math.sqrt(len(ratio))
    assert divergence(tensor(mean), tensor(log_variance)).item() == pytest.approx(
        ratio.mean().item(), abs=5 * error + 1e-12
    )


def test_each_term_is_summed_over_an_image_and_averaged_over_the_batch():
    given = inputs()
    terms = Elbo()("autoencoder", given)
    p, x = given["logits"].sigmoid(), given["images"]
    reconstruction = -(x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)
    kl = divergence(given["mean"], given["log_variance"]).sum(1)
    torch.testing.assert_close(terms["reconstruction"], reconstruction.mean())
    torch.testing.assert_close(terms["kl"], kl.mean())
    torch.testing.assert_close(terms["loss"], (reconstruction + kl).mean())


def test_a_decoder_that_knows_nothing_pays_ln_two_a_pixel():
    zero = torch.zeros(2, 1, 28, 28)
    nothing = {"logits": zero, "images": zero + 0.3, "mean": torch.zeros(2, 5), "log_variance": torch.zeros(2, 5)}
    assert Elbo()("autoencoder", nothing)["loss"].item() == pytest.approx(784 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_finite_where_a_probability_would_be_zero(logit):
    given = inputs(dtype=torch.float32) | {"logits": torch.full((3, 1, 28, 28), logit)}
    assert all(torch.isfinite(value) for value in Elbo()("autoencoder", given).values())


def test_the_loss_of_a_batch_is_the_mean_of_its_rows():
    given = inputs(5)
    rows = [Elbo()("autoencoder", {name: value[i : i + 1] for name, value in given.items()}) for i in range(5)]
    for name, value in Elbo()("autoencoder", given).items():
        torch.testing.assert_close(value, torch.stack([row[name] for row in rows]).mean())


def log_normal(z):
    return -z.square() / 2 - math.log(2 * math.pi) / 2


def test_the_bound_lies_below_the_likelihood_by_the_posteriors_divergence():
    """log p(x) - ELBO = KL(q(z | x) | p(z | x)) >= 0: with one latent, every integral is a sum over a fine grid."""
    torch.manual_seed(3)
    network = Mlp28(hidden=16, latent_dim=1).double()
    torch.nn.init.normal_(network.decoder.weight)
    image = torch.bernoulli(torch.full((1, 1, 28, 28), 0.3, dtype=torch.float64))
    with torch.no_grad():
        z = torch.linspace(-9, 9, 6001, dtype=torch.float64)[:, None]
        step = 18 / 6000
        cross = torch.nn.functional.binary_cross_entropy_with_logits
        pixels = network.decode(z)
        log_x = -cross(pixels, image.expand_as(pixels), reduction="none").flatten(1).sum(1)
        joint = log_x + log_normal(z[:, 0])
        likelihood = torch.logsumexp(joint, 0) + math.log(step)
        mean, log_variance = network.encode(image)
        noise = (z - mean) / (0.5 * log_variance).exp()  # so that the grid of noise gives the grid of latents
        q = log_normal(noise[:, 0]) - 0.5 * log_variance[0, 0]
        gap = (q.exp() * (q - (joint - likelihood))).sum() * step
        logits, means, log_variances = network(image.expand(len(z), -1, -1, -1), noise)
        each = [
            Elbo()("autoencoder", {"logits": a[None], "images": image, "mean": b[None], "log_variance": c[None]})[
                "loss"
            ]
            for a, b, c in zip(logits[::50], means[::50], log_variances[::50], strict=True)
        ]
        bound = -(q.exp()[::50] * torch.stack(each)).sum() * step * 50
    assert gap > 0.01
    assert (likelihood - bound).item() == pytest.approx(gap.item(), rel=1e-3)
