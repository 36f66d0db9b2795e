"""The networks: the papers' sizes, what a patch sees, no row that depends on another, one direction and the other."""

import numpy as np
import pytest
import torch
from torch import nn

from aigc_gan.translate.patch import DOMAINS, Patch, PatchPair
from aigc_gan.translate.resnet import Cycle28, CyclePair, Residual, mirrored
from aigc_gan.translate.unet import Pix2Pix64, Unet, normalised

NETWORKS = {
    "unet": (lambda: Pix2Pix64(4, 16), (1, 64, 64)),
    "residual": (lambda: Residual(1, 1, 4, 2), (1, 28, 28)),
    "patch": (lambda: Patch(4, 4, 2), (4, 64, 64)),
}


def built(name, seed=0):
    make, shape = NETWORKS[name]
    torch.manual_seed(seed)
    network = make().eval()
    for value in network.parameters():
        nn.init.normal_(value, std=0.2)
    return network, shape


def images(shape, count, seed=3):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_unet_has_the_papers_layers():
    """Section 6.1.1 for 256 x 256: C64-C128-C256-C512 five times, then CD512 three times, C512-C256-C128-C64."""
    with torch.device("meta"):
        network = Unet(3, 3, 8)
        assert network(torch.empty(1, 3, 256, 256)).shape == (1, 3, 256, 256)
    assert [layer.out_channels for layer in network.down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [layer.out_channels for layer in network.up] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert [layer.in_channels for layer in network.up] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert all(layer.kernel_size == (4, 4) and layer.stride == (2, 2) for layer in [*network.down, *network.up])


def test_with_six_levels_it_is_for_64():
    network = Pix2Pix64(4, 16)
    assert [layer.out_channels for layer in network.down] == [4, 8, 16, 16, 16, 16]
    made = network(images((1, 64, 64), 2))
    assert made.shape == (2, 3, 64, 64)
    assert made.abs().max() <= 1
    assert sum(value.numel() for value in Pix2Pix64().parameters()) * 2 < 6_000_000, "half precision, in a wheel"


@pytest.mark.parametrize("name", NETWORKS)
def test_no_row_depends_on_another(name):
    network, shape = built(name)
    three = images(shape, 3)
    whole = network(three)
    whole = whole.view(3, -1)
    for row in range(3):
        torch.testing.assert_close(network(three[row : row + 1]).view(-1), whole[row], rtol=1e-4, atol=1e-5)
    changed = three.clone()
    changed[1] = -changed[1]
    again = network(changed).view(3, -1)
    torch.testing.assert_close(again[[0, 2]], whole[[0, 2]], rtol=1e-4, atol=1e-5)
    assert (again[1] - whole[1]).abs().max() > 1e-3, "and each does depend on its own"


def test_every_skip_reaches_the_output():
    """With the level below cut off, what a level saw still reaches the image: no level is bridged by nothing."""
    network, shape = built("unet")
    given = images(shape, 1)
    honest = network(given)
    for level in range(5):
        kept = network.down[level].weight.clone()
        with torch.no_grad():
            network.down[level].weight.zero_()
        assert (network(given) - honest).abs().max() > 1e-4, level
        with torch.no_grad():
            network.down[level].weight.copy_(kept)


def test_dropout_is_the_only_noise_and_only_in_training():
    network, shape = built("unet")
    given = images(shape, 2)
    assert torch.equal(network(given), network(given))
    network.train()
    torch.manual_seed(0)
    one, other = network(given), network(given)
    assert not torch.equal(one, other)
    torch.manual_seed(0)
    assert torch.equal(network(given), one)
    network.dropout = 0.0
    assert torch.equal(network(given), network(given))


@pytest.mark.parametrize(("halvings", "side"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_sees_as_much_as_the_papers(halvings, side):
    """By gradient: which pixels the logit in the middle depends on, with the norm, which sees all, left out."""
    torch.manual_seed(0)
    network = Patch(1, 2, halvings).double()
    given = torch.rand(1, 1, 128, 128, dtype=torch.float64, requires_grad=True)
    x = given
    for layer in network.layers:
        x = layer(x)
    logits = network.score(x)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    rows = given.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == side


def test_a_logit_for_each_patch_row_by_row():
    network, shape = built("patch")
    logits = network(images(shape, 3))
    assert logits.shape == (3 * 14 * 14, 1)
    torch.testing.assert_close(network(images(shape, 3)[1:2]), logits[196:392], rtol=1e-4, atol=1e-5)


def test_the_norm_is_per_row_and_channel():
    values = torch.randn(3, 5, 7, 6) * 4 + 2
    made = normalised(values).double()
    torch.testing.assert_close(made.mean((2, 3)), torch.zeros(3, 5, dtype=torch.float64), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        made.var((2, 3), unbiased=False), torch.ones(3, 5, dtype=torch.float64), rtol=0, atol=1e-3
    )


def test_edges_are_mirrored():
    values = np.random.default_rng(0).random((2, 3, 5, 6)).astype(np.float32)
    expected = np.pad(values, [(0, 0), (0, 0), (3, 3), (3, 3)], mode="reflect")
    assert np.array_equal(mirrored(torch.from_numpy(values), 3).numpy(), expected)


def test_the_residual_generator_has_the_papers_layers():
    """Section 7.2 with 6 blocks: c7s1-64, d128, d256, R256 six times, u128, u64, c7s1-3."""
    with torch.device("meta"):
        network = Residual(3, 3)
        assert network(torch.empty(1, 3, 128, 128)).shape == (1, 3, 128, 128)
    layers = [network.enter, network.down1, network.down2, *(block.second for block in network.blocks)]
    layers += [network.up1, network.up2, network.leave]
    assert [layer.out_channels for layer in layers] == [64, 128, 256, *[256] * 6, 128, 64, 3]


def test_a_pair_of_generators_has_two_ways_of_its_own():
    torch.manual_seed(0)
    pair = Cycle28(4, 1)
    given = images((1, 28, 28), 2)
    assert torch.equal(pair(given), pair.forth(given))
    assert torch.equal(pair(given, back=True), pair.back(given))
    assert not torch.equal(pair(given), pair(given, back=True))
    assert isinstance(pair, CyclePair)


def test_a_pair_of_discriminators_judges_each_domain_by_its_own():
    torch.manual_seed(0)
    pair = PatchPair(1, 4, 1)
    both = {name: images((1, 28, 28), 2) for name in DOMAINS}
    logits = pair(both)
    assert torch.equal(pair({"target": both["target"]})["target"], logits["target"])
    assert not torch.equal(logits["source"], logits["target"])


def test_first_weights_are_small_normals_and_biases_zero():
    torch.manual_seed(0)
    for network in (Pix2Pix64(16, 64), Cycle28(8, 2), Patch(4, 16, 2), PatchPair(1, 16, 2)):
        network.initialise()
        weights = torch.cat([value.flatten() for name, value in network.named_parameters() if name.endswith("weight")])
        assert weights.std().item() == pytest.approx(0.02, rel=0.05)
        assert all((value == 0).all() for name, value in network.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize(
    "make",
    [lambda: Unet(1, 1, 1), lambda: Unet(1, 1, 6, dropout=1.0), lambda: Patch(1, 4, 0)],
    ids=["levels", "dropout", "halvings"],
)
def test_sizes_that_cannot_be(make):
    with pytest.raises(ValueError, match=r"from .* up"):
        make()
