"""Every network: shapes, gradients, that a row depends on itself alone, that a seed decides the first weights."""

import pytest
import torch
from torch import nn

from aigc_gan import conditional, critic, dcgan, dcgan_mlp, infogan, mlp, networks, resnet
from aigc_gan.spectral import spectral

LABELS = torch.arange(6) % 3
CLASSES = {"classes": 3}
GENERATORS = {
    "dcgan-28": (networks.DcganGenerator, {"latent_dim": 5, "width": 4}, (1, 28, 28)),
    "cgan-28": (
        conditional.ConditionalGenerator28,
        {"latent_dim": 5, "width": 4, "embedding": 2, **CLASSES},
        (1, 28, 28),
    ),
    "infogan-28": (infogan.InfoGenerator28, {"latent_dim": 5, "code_classes": 3, "width": 4, "hidden": 8}, (1, 28, 28)),
    "mlp-28": (mlp.MlpGenerator28, {"latent_dim": 5, "width": 8}, (1, 28, 28)),
    "dcgan-32": (dcgan.DcganGenerator32, {"latent_dim": 5, "width": 4}, (3, 32, 32)),
    "dcgan-64": (dcgan.DcganGenerator64, {"latent_dim": 5, "width": 4}, (3, 64, 64)),
    "dcgan-64-mlp": (dcgan_mlp.MlpDcganGenerator64, {"latent_dim": 5, "width": 2}, (3, 64, 64)),
    "resnet-32": (resnet.ResnetGenerator32, {"latent_dim": 5, "width": 8}, (3, 32, 32)),
}
DISCRIMINATORS = {
    "projection-28": (conditional.ProjectionDiscriminator28, {"width": 4, **CLASSES}, (1, 28, 28)),
    "embedding-28": (conditional.EmbeddingDiscriminator28, {"width": 4, **CLASSES}, (1, 28, 28)),
    "classifying-28": (conditional.ClassifyingDiscriminator28, {"width": 4, **CLASSES}, (1, 28, 28)),
    "infogan-28": (infogan.InfoDiscriminator28, {"code_classes": 3, "width": 4, "hidden": 8}, (1, 28, 28)),
    "infogan-28 warped": (
        infogan.InfoDiscriminator28,
        {"code_classes": 3, "width": 4, "hidden": 8, "warp": 1.0},
        (1, 28, 28),
    ),
    "critic-28": (critic.Critic28, {"width": 4}, (1, 28, 28)),
    "projection-critic-28": (critic.ProjectionCritic28, {"width": 4, **CLASSES}, (1, 28, 28)),
    "classifying-critic-28": (critic.ClassifyingCritic28, {"width": 4, **CLASSES}, (1, 28, 28)),
    "mlp-28": (mlp.MlpDiscriminator28, {"width": 8}, (1, 28, 28)),
    "dcgan-32": (dcgan.DcganDiscriminator32, {"width": 4}, (3, 32, 32)),
    "dcgan-64": (dcgan.DcganDiscriminator64, {"width": 4}, (3, 64, 64)),
    "dcgan-64 without norm": (dcgan.DcganDiscriminator64, {"width": 4, "norm": "none"}, (3, 64, 64)),
    "dcgan-64-mlp": (dcgan_mlp.SmallDiscriminator64, {"width": 4}, (3, 64, 64)),
    "resnet-32": (resnet.ResnetDiscriminator32, {"width": 8}, (3, 32, 32)),
}
PROJECTIONS = ("projection-28", "projection-critic-28")
BATCH_NORM = {"dcgan-64 with batch norm": (dcgan.DcganDiscriminator64, {"width": 4, "norm": "batch"}, (3, 64, 64))}
BOTH = GENERATORS | {f"discriminator {name}": each for name, each in (DISCRIMINATORS | BATCH_NORM).items()}
generators = pytest.mark.parametrize("name", GENERATORS)
discriminators = pytest.mark.parametrize("name", DISCRIMINATORS)


def made(kind, config, shape, seed=0):
    """As the core makes one: built and drawn under a seed."""
    torch.manual_seed(seed)
    network = kind(**config)
    if hasattr(network, "initialise"):
        network.initialise()
    return network


def drawn(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def noise(network, count=6, seed=1):
    """The arguments of a generator."""
    latent = drawn(count, network.latent_dim, seed=seed)
    if hasattr(network, "classes"):
        return latent, LABELS[:count]
    if hasattr(network, "code_classes"):
        return latent, LABELS[:count], drawn(count, network.code_values, seed=seed).tanh()
    return (latent,)


def images(shape, count=6, seed=1):
    return drawn(count, *shape, seed=seed).tanh()


@generators
@pytest.mark.parametrize("count", [2, 6])
def test_a_generator_makes_images_of_its_shape_in_its_range(name, count):
    network = made(*GENERATORS[name])
    values = network(*noise(network, count))
    assert values.shape == (count, *GENERATORS[name][2])
    assert values.abs().max() <= 1


@generators
def test_a_sole_row_can_be_made(name):
    network = made(*GENERATORS[name]).eval()
    assert network(*noise(network, 1)).shape == (1, *GENERATORS[name][2])


@discriminators
@pytest.mark.parametrize("count", [1, 6])
def test_a_discriminator_gives_one_logit_an_image_and_says_what_it_has(name, count):
    kind, config, shape = DISCRIMINATORS[name]
    network = made(kind, config, shape).eval()
    logits = network(images(shape, count), LABELS[:count])
    again, said = network(images(shape, count), LABELS[:count], heads=True)
    assert logits.shape == (count, 1)
    assert torch.equal(logits, again)
    assert said["features"].dim() == 2
    expected = {
        "classifying-28": {"class_logits": 3},
        "classifying-critic-28": {"class_logits": 3},
        "infogan-28": {"code_class_logits": 3, "code_mean": 2, "code_log_variance": 2},
    }.get(name.removesuffix(" warped"), {})
    assert {head: tuple(value.shape) for head, value in said.items() if head != "features"} == {
        head: (count, size) for head, size in expected.items()
    }


@generators
def test_a_row_of_a_generator_depends_on_its_own_noise_alone(name):
    network = made(*GENERATORS[name]).eval()
    given, other = noise(network), noise(network, seed=2)
    mixed = [torch.cat([one[:1], two[1:]]) for one, two in zip(given, other, strict=True)]
    one, two = network(*given), network(*mixed)
    assert torch.equal(one[0], two[0])
    assert not any(torch.equal(*pair) for pair in zip(one[1:], two[1:], strict=True))


@discriminators
@pytest.mark.parametrize("training", [False, True])
def test_a_row_of_a_discriminator_depends_on_its_own_image_alone(name, training):
    """In train mode too: a gradient penalty is on one image, and real and fake are judged in one pass."""
    kind, config, shape = DISCRIMINATORS[name]
    given = images(shape)
    mixed = torch.cat([given[:1], images(shape, seed=2)[1:]])
    logits = []
    for each in (given, mixed):
        network = made(kind, config, shape).train(training)
        torch.manual_seed(3)  # of dropout
        logits.append(network(each, LABELS))
    assert torch.equal(logits[0][0], logits[1][0])
    assert not torch.equal(logits[0][1], logits[1][1])


def test_batch_norm_in_a_discriminator_does_mix_rows_and_says_so():
    """Saboteur of the test above."""
    kind, config, shape = BATCH_NORM["dcgan-64 with batch norm"]
    network = made(kind, config, shape)
    given = images(shape)
    mixed = torch.cat([given[:1], images(shape, seed=2)[1:]])
    assert not torch.equal(network(given)[0], network(mixed)[0])
    assert "Batch norm mixes the rows" in kind.__mro__[1].__doc__


@generators
def test_every_parameter_of_a_generator_gets_a_gradient(name):
    network = made(*GENERATORS[name])
    made_of = network(*noise(network))
    (made_of * drawn(*made_of.shape)).sum().backward()
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


@pytest.mark.parametrize("name", DISCRIMINATORS | BATCH_NORM)
def test_every_parameter_of_a_discriminator_gets_a_gradient(name):
    kind, config, shape = (DISCRIMINATORS | BATCH_NORM)[name]
    network = made(kind, config, shape)
    logits, said = network(images(shape), LABELS, heads=True)
    heads = [value for head, value in said.items() if head != "features"]
    sum((value * drawn(*value.shape)).sum() for value in (logits, *heads)).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


@pytest.mark.parametrize("name", BOTH)
def test_a_seed_decides_the_first_weights(name):
    one, same, other = (made(*BOTH[name], seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one if one[key].dim() > 1)


@pytest.mark.parametrize("name", BOTH)
def test_a_network_can_be_built_without_memory(name):
    kind, config, shape = BOTH[name]
    with torch.device("meta"):
        network = made(kind, config, shape)
        assert all(value.is_meta for value in network.state_dict().values())


# What each is, by its source.


def test_the_sizes_of_the_paper_that_names_them():
    shapes = {name: tuple(value.shape) for name, value in infogan.InfoGenerator28().named_parameters()}
    assert shapes["project.weight"] == (1024, 74)
    assert shapes["spread.weight"] == (7 * 7 * 128, 1024)
    assert (shapes["up1.weight"], shapes["up2.weight"]) == ((128, 64, 4, 4), (64, 1, 4, 4))
    hidden = dcgan_mlp.MlpDcganGenerator64().hidden
    assert [(each.in_features, each.out_features) for each in hidden] == [
        (128, 256), (256, 512), (512, 1024), (1024, 4 * 4 * 256),
    ]  # fmt: skip
    downs = dcgan_mlp.SmallDiscriminator64().down
    assert [each.out_channels for each in downs] == [64, 128, 256]


def test_the_issues_convolutions_alone_do_not_give_64():
    """4 to 7 to 14 to 28 to 56: the last kernel is what completes them."""
    network = made(*GENERATORS["dcgan-64-mlp"]).eval()
    sizes, x = [], torch.zeros(1, 16, 4, 4)
    for layer in network.up:
        x = layer(x)
        sizes += [x.shape[-1]] if isinstance(layer, nn.ConvTranspose2d) else []
    assert sizes == [7, 14, 28, 56]
    assert network.colour(x).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("name", ["cgan-28", "projection-28", "projection-critic-28", "embedding-28"])
def test_a_class_changes_its_own_row(name):
    kind, config, shape = (GENERATORS | DISCRIMINATORS)[name]
    network = made(kind, config, shape).eval()
    if name in PROJECTIONS:  # no class is preferred at first
        nn.init.normal_(network.embed.weight)
    x = drawn(6, 5) if name == "cgan-28" else images(shape)
    other = LABELS.clone()
    other[1] = 2
    one, two = network(x, LABELS), network(x, other)
    assert [torch.equal(*pair) for pair in zip(one, two, strict=True)] == [True, False, True, True, True, True]


@pytest.mark.parametrize("name", ["cgan-28", "projection-28", "projection-critic-28", "embedding-28"])
def test_a_network_with_classes_is_given_labels(name):
    kind, config, shape = (GENERATORS | DISCRIMINATORS)[name]
    network = made(kind, config, shape)
    x = drawn(6, 5) if name == "cgan-28" else images(shape)
    with pytest.raises(ValueError, match="with 3 classes is given each image's label"):
        network(x)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_the_projection_is_the_inner_product_with_the_features(name):
    kind, config, shape = DISCRIMINATORS[name]
    network = made(kind, config, shape).eval()
    nn.init.normal_(network.embed.weight)
    logits, said = network(images(shape), LABELS, heads=True)
    with torch.no_grad():
        for row, label in enumerate(LABELS):
            plain = network.score(said["features"])[row]
            inner = torch.dot(network.embed.weight[label], said["features"][row])
            torch.testing.assert_close(logits[row], plain + inner)


def test_infogans_codes_change_the_image():
    network = made(*GENERATORS["infogan-28"]).eval()
    latent, labels, values = noise(network)
    plain = network(latent, labels, values)
    assert not torch.equal(plain, network(latent, (labels + 1) % 3, values))
    for at in range(2):
        moved = values.clone()
        moved[:, at] += 0.5
        assert not torch.equal(plain, network(latent, labels, moved))


@pytest.mark.parametrize("layer", [nn.Linear(20, 30), nn.Conv2d(5, 7, 3)], ids=["linear", "convolution"])
def test_spectral_norm_against_the_singular_values(layer):
    torch.manual_seed(0)
    normed = spectral(layer)
    shape = (20,) if isinstance(layer, nn.Linear) else (5, 8, 8)
    with torch.no_grad():
        for _ in range(100):  # power iterations
            normed(torch.randn(2, *shape))
        assert torch.linalg.matrix_norm(normed.weight.flatten(1), ord=2) == pytest.approx(1, abs=1e-3)


def test_the_slope_of_a_discriminator_under_spectral_norm_stays_when_its_weights_grow():
    """Saboteur: without the norm, weights ten times as large make logits 100,000 times as large."""
    shape = (3, 64, 64)
    for norm, grows in (("spectral", False), ("none", True)):
        network = made(dcgan.DcganDiscriminator64, {"width": 4, "norm": norm}, shape)
        before = network(images(shape)).std()
        with torch.no_grad():
            for name, value in network.named_parameters():
                if value.dim() > 1:
                    value.mul_(10)
                else:
                    assert "bias" in name
        assert (network(images(shape)).std() > 10 * before) == grows


def test_a_norm_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="norm is 'layer'; it takes spectral, batch, none"):
        dcgan.DcganDiscriminator64(norm="layer")


@pytest.mark.parametrize("name", ["dcgan-32", "dcgan-64"])
def test_transposed_convolutions_cover_every_pixel_alike(name):
    """Of equal weights, each doubling has an even output but for its rim: no checkered grain."""
    network = made(*GENERATORS[name])
    for layer in [*network.up, network.colour]:
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.ones_(layer.weight)
            inside = layer(torch.ones(1, layer.in_channels, 8, 8))[..., 2:-2, 2:-2]
            assert inside.min() == inside.max()


@pytest.mark.parametrize("name", ["critic-28", "mlp-28"])
def test_what_has_no_norm_begins_with_slopes_of_about_one(name):
    """N(0, 0.02) would begin with slopes of a thousandth, which a gradient penalty must first undo."""
    kind, _, shape = DISCRIMINATORS[name]
    network = made(kind, {"width": 32}, shape).eval()
    x = images(shape).requires_grad_()
    (slopes,) = torch.autograd.grad(network(x).sum(), x)
    assert 0.1 < slopes.flatten(1).norm(dim=1).mean() < 10


def test_a_critic_can_be_differentiated_twice():
    for name in (
        "critic-28",
        "projection-critic-28",
        "classifying-critic-28",
        "infogan-28",
        "infogan-28 warped",
        "dcgan-64",
        "resnet-32",
        "projection-28",
    ):
        kind, config, shape = DISCRIMINATORS[name]
        network = made(kind, config, shape)
        x = images(shape).requires_grad_()
        (slopes,) = torch.autograd.grad(network(x, LABELS).sum(), x, create_graph=True)
        slopes.square().sum().backward()
        assert any(value.grad is not None and value.grad.any() for value in network.parameters())
