"""The banded convolutions against torch's own in float64: any sizes, any bands, whatever is done around them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import conv2d, group_norm, interpolate, silu

from aigc_vae.hub import convolve as module
from aigc_vae.hub.blocks import Down, Norm
from aigc_vae.hub.convolve import convolve
from aigc_vae.hub.schemes import DOUBLED, PAIRS

sizes, channels = st.integers(1, 13), st.sampled_from([1, 3, 8])
bands, counts = st.sampled_from([1, 3000, 2**21]), st.sampled_from([1, 2, 3])


def layer_of(c, k, bias=True, seed=0):
    torch.manual_seed(seed)
    return nn.Conv2d(c, k, 3, bias=bias).double().requires_grad_(False)


def image_of(height, width, c, seed=1):
    return torch.randn(height, width, c, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def direct(image, layer, doubled=False):
    """The same by torch."""
    planes = image.permute(2, 0, 1)[None]
    planes = interpolate(planes, scale_factor=2.0, mode="nearest") if doubled else planes
    return conv2d(planes, layer.weight, layer.bias, padding=1)[0].permute(1, 2, 0)


def cut_up(patch, band, threads, fewest):
    torch.set_num_threads(threads)
    patch.setattr(module, "FEWEST", fewest)
    patch.setattr(module, "BAND", band)
    patch.setattr(module, "LOWEST", 1)


@given(sizes, sizes, channels, channels, st.booleans(), st.booleans(), bands, st.booleans(), counts)
def test_a_convolution_is_that_of_torch(height, width, c, k, bias, doubled, band, products, threads):
    layer, image = layer_of(c, k, bias), image_of(height, width, c)
    before = image.clone()
    with pytest.MonkeyPatch.context() as patch:
        cut_up(patch, band, threads, 1 if products else 1000)
        found = convolve(image, layer, doubled=doubled)
    torch.testing.assert_close(found, direct(image, layer, doubled), rtol=1e-11, atol=1e-11)
    assert torch.equal(image, before)


@given(sizes, sizes, channels, bands, st.booleans(), counts)
def test_what_is_done_before_and_after_is_done_to_every_row(height, width, c, band, products, threads):
    layer, image = layer_of(c, c), image_of(height, width, c)
    other = image_of(height, width, c, 2)
    wanted = direct(3 * image + 1, layer) + other

    def before(part, into):
        torch.add(3 * part, 1, out=into)

    with pytest.MonkeyPatch.context() as patch:
        cut_up(patch, band, threads, 1 if products else 1000)
        found = convolve(image, layer, before, lambda part, where: part.add_(other[where]), into=image)
    assert found is image
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("scheme", [PAIRS, DOUBLED])
def test_the_sums_of_weights_give_each_weight_to_each_output_once(scheme):
    """In one dimension, by the definition of a convolution."""
    taps = [torch.tensor(value, dtype=torch.float64) for value in (2.0, -3.0, 5.0, 7.0)[: scheme.taps]]
    weights = torch.tensor([11.0, 13.0, -17.0], dtype=torch.float64)
    into = list(torch.zeros(len(scheme.weights), dtype=torch.float64))
    scheme.split(taps, into)
    summed = torch.tensor(scheme.weights, dtype=torch.float64) @ weights
    products = [value * factor for value, factor in zip(into, summed, strict=True)]
    line = taps if scheme is PAIRS else [taps[0], taps[1], taps[1], taps[2]]
    for output in range(2):
        found = torch.zeros((), dtype=torch.float64)
        scheme.join(products, output, found)
        assert found == sum(tap * weight for tap, weight in zip(line[output:], weights, strict=False))


def test_in_float32_the_error_is_of_the_size_that_the_direct_convolutions_has():
    layer, image = layer_of(128, 128), image_of(24, 24, 128)
    exact = direct(image, layer)
    apart = lambda found: (found - exact).abs().max() / exact.abs().max()  # noqa: E731
    single = layer_of(128, 128).float()
    bound = 3e-6 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 4e-6  # with AVX2: 3.5e-6
    assert apart(convolve(image.float(), single)) <= 3 * apart(direct(image.float(), single)) < bound


@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([1e-3, 1.0, 1e3]), st.sampled_from([0.0, 30.0]))
def test_a_norm_is_that_of_torch(height, width, spread, offset):
    norm = Norm(4, 8).double().requires_grad_(False)
    norm.weight.copy_(torch.linspace(0.5, 2, 8))
    norm.bias.copy_(torch.linspace(-1, 1, 8))
    image = spread * image_of(height, width, 8) + offset
    planes = image.permute(2, 0, 1)[None]
    wanted = group_norm(planes, 4, norm.weight, norm.bias, 1e-6)[0].permute(1, 2, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aigc_vae.hub.blocks.MOMENTS", 50)
        scale, shift = norm.of(image)
        into = torch.empty_like(image)
        norm.activated(image)(image, into)
    torch.testing.assert_close(image * scale + shift, wanted, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(into, silu(wanted), rtol=1e-6, atol=1e-6)


def test_a_norm_of_numbers_far_from_zero_keeps_its_digits_in_float32():
    """Means are taken off before anything is squared: the mean of squares less the squared mean would be noise."""
    norm = Norm(2, 4).requires_grad_(False)
    norm.weight.fill_(1)
    norm.bias.zero_()
    image = image_of(30, 30, 4) + 1000
    scale, _ = norm.of(image.float())
    wanted = 1 / image.view(-1, 2, 2).permute(1, 0, 2).reshape(2, -1).std(1, correction=0).repeat_interleave(2)
    torch.testing.assert_close(scale.double(), wanted, rtol=1e-4, atol=0)


def test_half_the_size_sees_zeros_at_the_right_and_at_the_bottom_only():
    down = Down(1).requires_grad_(False)
    down.conv.weight.fill_(1)
    down.conv.bias.zero_()
    assert down(torch.ones(4, 4, 1))[..., 0].tolist() == [[9, 6], [6, 4]]
