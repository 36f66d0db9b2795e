"""The networks: shapes, classes, that a row depends on itself alone, and that what was trained is still what it was."""

import pytest
import torch
from torch import nn

from aigc_vae.conv import LIKELIHOODS, Conv28
from aigc_vae.evidence import divergence
from aigc_vae.losses import Elbo
from aigc_vae.networks import Mlp28

KINDS = {
    "mlp": lambda **config: Mlp28(16, 3, **config),
    "mlp of 3 layers": lambda **config: Mlp28(16, 3, layers=3, **config),
    "conv": lambda **config: Conv28(4, 3, **config),
    **{
        f"conv {name}": lambda name=name, **config: Conv28(4, 3, likelihood=name, **config)
        for name in ("gaussian", "logistic-mixture")
    },
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def made(kind, **config):
    torch.manual_seed(0)
    return kind(**config)


def images(count=4):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def noise(count=4, k=2):
    return torch.randn(count, k, 3, generator=torch.Generator().manual_seed(2))


def labels(count=4):
    return torch.arange(count) % 5


def test_the_default_is_784_400_20():
    sizes = [tuple(value.shape) for value in Mlp28().parameters() if value.dim() == 2]
    assert sizes == [(400, 784), (40, 400), (400, 20), (784, 400)]


def test_without_classes_and_pseudo_inputs_the_weights_are_those_of_four_layers():
    """Long trainings are repeated to the bit by this: nothing else is drawn, and in this order."""
    network = made(KINDS["mlp"])
    torch.manual_seed(0)
    layers = [nn.Linear(784, 16), nn.Linear(16, 6), nn.Linear(3, 16), nn.Linear(16, 784)]
    names = ["encoder", "posterior", "decoder", "pixels"]
    assert list(network.state_dict()) == [f"{name}.{part}" for name in names for part in ("weight", "bias")]
    for name, layer in zip(names, layers, strict=True):
        assert torch.equal(network.get_submodule(name).weight, layer.weight)
        assert torch.equal(network.get_submodule(name).bias, layer.bias)


def test_without_classes_the_arithmetic_is_that_of_four_layers():
    network, x, given = made(KINDS["mlp"]), images(), noise(k=1)
    mean, log_variance = network.posterior(network.encoder(x.flatten(1)).relu()).chunk(2, 1)
    latent = mean + (0.5 * log_variance).exp() * given[:, 0]
    logits = network.pixels(network.decoder(latent).relu()).view(4, 1, 28, 28)
    reconstruction = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    drawn = network(x, given)
    assert torch.equal(drawn.latent[:, 0], latent)
    assert torch.equal(drawn.log_likelihood[:, 0], -reconstruction)
    terms = Elbo()("autoencoder", {"log_likelihood": drawn.log_likelihood, "divergence": divergence(drawn)})
    kl = 0.5 * (mean.square() + log_variance.expm1() - log_variance)
    assert torch.equal(terms["loss"], reconstruction.mean() + kl.sum(1).mean())


@every_kind
@pytest.mark.parametrize("classes", [0, 5])
@pytest.mark.parametrize(("count", "k"), [(1, 1), (2, 3), (5, 1)])
def test_shapes(kind, classes, count, k):
    network = made(kind, classes=classes)
    given = (labels(count),) if classes else ()
    drawn = network(images(count), noise(count, k), *given)
    assert drawn.log_likelihood.shape == (count, k)
    assert (drawn.latent.shape, drawn.mean.shape, drawn.log_variance.shape) == ((count, k, 3), (count, 3), (count, 3))
    parameters = network.decode(drawn.latent[:, 0], *given)
    assert parameters.shape == (count, network.likelihood.per_value, 28, 28)
    assert network.likelihood.mean(parameters).shape == (count, 1, 28, 28)


@every_kind
def test_without_noise_the_mean_is_decoded(kind):
    network = made(kind)
    drawn = network(images(), torch.zeros(4, 1, 3))
    assert torch.equal(drawn.latent[:, 0], drawn.mean)
    assert all(map(torch.equal, (drawn.mean, drawn.log_variance), network.encode(images())))
    expected = network.likelihood.log_prob(network.decode(drawn.mean), images())
    torch.testing.assert_close(drawn.log_likelihood[:, 0], expected)


@every_kind
@pytest.mark.parametrize("classes", [0, 5])
def test_a_row_depends_on_itself_alone(kind, classes):
    network = made(kind, classes=classes)
    given = (labels(),) if classes else ()
    other = torch.cat([images()[:1], 1 - images()[1:]])
    before, after = (network(each, noise(), *given).log_likelihood for each in (images(), other))
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


@every_kind
def test_a_class_changes_its_own_row_of_encoder_and_decoder(kind):
    network = made(kind, classes=5)
    other = labels().clone()
    other[1] = 4
    for one, two in (
        (network.encode(images(), labels())[0], network.encode(images(), other)[0]),
        (network.decode(noise()[:, 0], labels()), network.decode(noise()[:, 0], other)),
    ):
        assert [torch.equal(*pair) for pair in zip(one, two, strict=True)] == [True, False, True, True]


@every_kind
def test_each_draw_of_an_image_is_decoded_with_its_class(kind):
    """Saboteur: labels that are repeated in the wrong order (a, b, a, b for a, a, b, b) give other likelihoods."""
    network = made(kind, classes=5)
    drawn = network(images(), noise(k=3), labels())
    alone = network(images()[2:3], noise(k=3)[2:3], labels()[2:3])
    torch.testing.assert_close(drawn.log_likelihood[2:3], alone.log_likelihood)
    wrong = network.decode(drawn.latent.view(12, 3), labels().repeat(3))
    right = network.decode(drawn.latent.view(12, 3), labels().repeat_interleave(3))
    assert not torch.allclose(wrong, right)


@every_kind
def test_a_conditional_network_without_labels_says_so(kind):
    network = made(kind, classes=5)
    with pytest.raises(ValueError, match="5 classes is given each image's label"):
        network(images(), noise())
    with pytest.raises(ValueError, match="5 classes is given each image's label"):
        network.decode(noise()[:, 0])


@every_kind
def test_a_label_that_is_no_class_is_refused(kind):
    with pytest.raises(RuntimeError):
        made(kind, classes=5)(images(), noise(), torch.tensor([0, 1, 2, 5]))


@every_kind
@pytest.mark.parametrize("classes", [0, 5])
def test_every_parameter_gets_a_gradient(kind, classes):
    network = made(kind, classes=classes)
    drawn = network(images(), noise(), *((labels(),) if classes else ()))
    (divergence(drawn).sum() - drawn.log_likelihood.sum()).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []
    assert [name for name, value in network.named_parameters() if not value.grad.any()] == []


def test_a_likelihood_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="likelihood is 'poisson'; it takes bernoulli, gaussian, logistic-mixture"):
        Conv28(likelihood="poisson")


def test_a_decoder_gives_as_many_numbers_as_its_likelihood_takes():
    counts = {name: Conv28(4, 3, likelihood=name).up2.out_channels for name in LIKELIHOODS}
    assert counts == {"bernoulli": 1, "gaussian": 1, "logistic-mixture": 15}


def test_transposed_convolutions_cover_every_pixel_alike():
    """Of equal weights and an even input, an even output but for its rim: no checkered grain."""
    up = nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, bias=False)
    nn.init.ones_(up.weight)
    inside = up(torch.ones(1, 1, 7, 7))[..., 1:-1, 1:-1]
    assert inside.min() == inside.max()
