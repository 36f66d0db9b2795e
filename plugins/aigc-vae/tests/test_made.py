"""MADE: no pixel sees itself or what comes after it, so the probabilities of all images sum to 1."""

import itertools

import pytest
import torch

from aigc_vae.made import Made28


class Tiny(Made28):
    """One whose images can all be listed."""

    shape = (1, 2, 4)


def every_image():
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=8)), dtype=torch.float64).view(256, *Tiny.shape)


def tiny(seed=3):
    torch.manual_seed(seed)
    network = Tiny(32, seed).double()
    for value in network.parameters():
        value.data.mul_(4)
    return network


@pytest.mark.parametrize("seed", range(4))
def test_the_probabilities_of_all_images_sum_to_one(seed):
    assert tiny(seed)(every_image()).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_a_pixel_that_sees_itself_breaks_the_sum():
    """Saboteur: < and <= exchanged in one mask."""
    network = tiny()
    network.used |= network.seen.T
    assert network(every_image()).exp().sum().item() != pytest.approx(1, abs=1e-3)


def test_logits_averaged_over_orders_are_no_distribution():
    """A known trap: each order sees other pixels, so the average sees all."""
    logits = (tiny(0).logits_of(every_image()) + tiny(1).logits_of(every_image())) / 2
    total = tiny().likelihood.log_prob(logits, every_image()).exp().sum().item()
    assert total != pytest.approx(1, abs=1e-3)


def test_the_likelihood_is_the_product_over_the_order():
    network, image = tiny(), every_image()[77:78]
    logits = network.logits_of(image).flatten()
    expected = 0.0
    for pixel in network.place.argsort():
        blind = image.clone()
        blind.flatten()[network.place >= network.place[pixel]] = 0.5  # whatever stands at it and after it
        torch.testing.assert_close(network.logits_of(blind).flatten()[pixel], logits[pixel])
        p = logits[pixel].sigmoid()
        expected = expected + (p if image.flatten()[pixel] else 1 - p).log()
    torch.testing.assert_close(network(image)[0], expected)


def test_each_pixel_depends_on_those_before_it_and_on_no_other():
    torch.manual_seed(0)
    network = Made28(500)
    image = torch.rand(1, 1, 28, 28)
    jacobian = torch.autograd.functional.jacobian(lambda x: network.logits_of(x).flatten(), image).view(784, 784)
    depends = jacobian != 0
    before = network.place[None, :] < network.place[:, None]
    assert not depends[~before].any()
    assert depends[before].float().mean() > 0.9
    assert sorted(network.place.tolist()) == list(range(784))


def test_a_sample_is_what_its_noise_decides():
    torch.manual_seed(0)
    network = Made28(32).double()
    uniform = torch.rand(5, 784, dtype=torch.float64)
    images = network.sample(uniform)
    white = uniform.view_as(images) < network.logits_of(images).sigmoid()
    assert torch.equal(images, white.double())
    assert 0.1 < images.mean() < 0.9


def test_samples_are_as_frequent_as_their_likelihood_says():
    network = tiny()
    count = 40_000
    uniform = torch.rand(count, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        images = network.sample(uniform).flatten(1)
        expected = network(every_image()).exp() * count
    seen = torch.bincount((images @ (2.0 ** torch.arange(7, -1, -1, dtype=torch.float64))).long(), minlength=256)
    often = expected > 10
    squares = ((seen - expected).square() / expected)[often].sum().item()
    degrees = int(often.sum())
    assert squares < degrees + 5 * (2 * degrees) ** 0.5  # chi-squared: five standard deviations
    assert seen[~often].sum() < 2 * expected[~often].sum() + 10


def test_a_sample_depends_on_its_own_noise_alone():
    torch.manual_seed(0)
    network, uniform = Made28(32), torch.rand(3, 784)
    other = torch.cat([uniform[:1], 1 - uniform[1:]])
    assert torch.equal(network.sample(uniform)[0], network.sample(other)[0])


def test_the_seed_draws_order_and_masks_and_they_go_with_the_weights():
    one, same, other = Made28(32, 1), Made28(32, 1), Made28(32, 2)
    for name in ("place", "seen", "used"):
        assert torch.equal(getattr(one, name), getattr(same, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))
        assert name in one.state_dict()
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.seen, one.seen)


def test_masks_draw_nothing_from_the_global_state():
    torch.manual_seed(0)
    with torch.device("meta"):
        network = Made28(32)
    before = torch.random.get_rng_state()
    assert network.seen.is_meta
    torch.manual_seed(0)
    assert torch.equal(before, torch.random.get_rng_state())
