"""The network: its shapes, its parts, and that a row depends on itself alone."""

import pytest
import torch

from aigc_vae.networks import Mlp28


def images(count=4):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Mlp28(hidden=32, latent_dim=3)


def test_the_default_is_784_400_20():
    sizes = [tuple(value.shape) for value in Mlp28().parameters() if value.dim() == 2]
    assert sizes == [(400, 784), (40, 400), (400, 20), (784, 400)]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_shapes(network, count):
    logits, mean, log_variance = network(images(count), torch.zeros(count, 3))
    assert (logits.shape, mean.shape, log_variance.shape) == ((count, 1, 28, 28), (count, 3), (count, 3))


def test_without_noise_the_mean_is_decoded(network):
    logits, mean, log_variance = network(images(), torch.zeros(4, 3))
    assert torch.equal(logits, network.decode(mean))
    assert all(map(torch.equal, (mean, log_variance), network.encode(images())))


def test_noise_moves_the_latent_by_the_deviation(network):
    noise = torch.randn(4, 3, generator=torch.Generator().manual_seed(2))
    logits, mean, log_variance = network(images(), noise)
    torch.testing.assert_close(logits, network.decode(mean + log_variance.exp().sqrt() * noise))


def test_a_row_depends_on_itself_alone(network):
    other = torch.cat([images()[:1], 1 - images()[1:]])
    before, after = (network(each, torch.zeros(4, 3))[0] for each in (images(), other))
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])
