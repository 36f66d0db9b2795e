"""The Hub's networks at their real shapes, with random weights: names, sizes, and each part against another way."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d

from aigc_gan.hub.dcgan import TutorialDcgan64
from aigc_gan.hub.fastgan import GRAINED, FastGan1024, _Spectral
from aigc_gan.hub.lightweight import LightweightGan, _Attending, _Blur, _Context, _Layer


def on_meta(kind, **config):
    with torch.device("meta"):
        return kind(**config)


def size(network):
    return sum(value.numel() * value.element_size() for value in network.state_dict().values())


def shapes(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def test_fastgan_has_the_bytes_of_the_file():
    """117,073,189 in all, of which a file of 142 tensors has about 51,000 of its own."""
    network = on_meta(FastGan1024)
    assert 0 < 117_073_189 - size(network) < 60_000
    assert len(network.state_dict()) == 142


def test_the_tutorials_dcgan_has_the_bytes_of_the_file():
    """14.3 MB were seen."""
    assert round(size(on_meta(TutorialDcgan64)) / 1e6, 1) == 14.3


def test_fastgans_names():
    found = shapes(on_meta(FastGan1024))
    assert found["_init._layers.0._conv.weight_orig"] == (256, 2048, 4, 4)
    assert found["_init._layers.0._conv.weight_u"] == (2048,)
    assert found["_init._layers.1.running_var"] == (2048,)
    assert found["_upsample_8._layers.1._conv.weight_orig"] == (1024, 1024, 3, 3)
    assert found["_upsample_8._layers.2._weight"] == (1,)
    assert found["_upsample_8._layers.5._conv.weight_v"] == (512 * 9,)
    assert found["_upsample_16._layers.2.weight"] == (512,)
    assert found["_upsample_1024._layers.1._conv.weight_orig"] == (16, 16, 3, 3)
    assert found["_sle_512._layers.1._conv.weight_orig"] == (16, 128, 4, 4)
    assert found["_sle_64._layers.3._conv.weight_orig"] == (128, 128, 1, 1)
    assert (found["_out_128.0._conv.weight_orig"], found["_out_1024.0._conv.weight_orig"]) == (
        (3, 64, 1, 1),
        (3, 8, 3, 3),
    )
    assert not any("bias" in name for name in found if "_conv" in name)


def test_the_tutorials_names():
    found = shapes(on_meta(TutorialDcgan64))
    kernels = {name: shape for name, shape in found.items() if len(shape) == 4}
    assert kernels == {
        "model.0.weight": (100, 512, 4, 4),
        "model.3.weight": (512, 256, 4, 4),
        "model.6.weight": (256, 128, 4, 4),
        "model.9.weight": (128, 64, 4, 4),
        "model.12.weight": (64, 3, 4, 4),
    }
    assert found["model.10.running_mean"] == (64,)


def test_lightweights_names():
    found = shapes(on_meta(LightweightGan, attn_res_layers=[32]))
    assert found["initial_conv.0.weight"] == (256, 512, 4, 4)
    assert found["layers.0.0.2.weight"] == (1024, 256, 3, 3)
    assert [found[f"layers.{at}.0.2.weight"][0] // 2 for at in range(7)] == [512, 512, 256, 128, 64, 32, 3]
    assert [at for at in range(7) if f"layers.{at}.1.to_k.weight" in found] == [1, 2, 3]
    assert found["layers.1.1.net.2.weight"] == (64, 32, 1, 1)
    assert found["layers.3.1.net.2.weight"] == (3, 3, 1, 1)
    assert [at for at in range(7) if f"layers.{at}.2.norm.g" in found] == [3]
    assert found["layers.3.2.fn.to_q.weight"] == (512, 256, 1, 1)
    assert found["layers.3.2.fn.to_kv.net.0.weight"] == (256, 1, 3, 3)
    assert found["layers.3.2.fn.to_kv.net.1.weight"] == (1024, 256, 1, 1)
    assert found["layers.3.2.fn.to_out.bias"] == (256,)
    assert found["out_conv.weight"] == (3, 3, 3, 3)
    assert not any(name.endswith(".f") for name in found)
    blurred = shapes(on_meta(LightweightGan, blur=True))
    assert [name for name in blurred if name.endswith(".f")] == [f"layers.{at}.0.1.f" for at in range(7)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "config", "side"),
    [(FastGan1024, {}, 1024), (LightweightGan, {"attn_res_layers": [32]}, 512), (TutorialDcgan64, {}, 64)],
    ids=["fastgan", "lightweight-gan", "dcgan"],
)
def test_an_image_at_the_real_shape(kind, config, side, filled):
    network = filled(kind(**config))
    latent = torch.randn(1, network.latent_dim, generator=torch.Generator().manual_seed(1))
    maps = iter([torch.zeros(1, 1, grain, grain) for grain in GRAINED for _ in range(2)])
    with torch.inference_mode():
        images = network(latent, maps) if kind is FastGan1024 else network(latent)
    assert images.shape == (1, 3, side, side)
    assert torch.isfinite(images).all()
    assert images.std() > 0
    assert next(maps, None) is None or kind is not FastGan1024


@pytest.mark.parametrize("transposed", [False, True])
def test_spectral_norm_is_that_of_torch(transposed):
    """The one that wrote such files: ``torch.nn.utils.spectral_norm``, in eval mode."""
    torch.manual_seed(0)
    layer = (nn.ConvTranspose2d if transposed else nn.Conv2d)(5, 7, 3, padding=0 if transposed else 1, bias=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is of an older torch
        theirs = torch.nn.utils.spectral_norm(layer).eval()
    ours = _Spectral(tuple(layer.weight.shape), transposed)
    ours.load_state_dict({f"_conv.{name}": value for name, value in theirs.state_dict().items()}, strict=True)
    x = torch.randn(2, 5, 6, 6)
    torch.testing.assert_close(ours(x), theirs(x))
    plain = conv_transpose2d(x, layer.weight_orig) if transposed else conv2d(x, layer.weight_orig, padding=1)
    assert not torch.allclose(ours(x), plain)


def test_attention_is_that_of_the_formula(filled):
    network, x = filled(_Attending(6)), torch.randn(2, 6, 4, 5)
    with torch.no_grad():
        q, (k, v) = network.to_q(x), network.to_kv(x).chunk(2, 1)
        q, k, v = (each.reshape(2, 8, 64, 20) for each in (q, k, v))
        q, k = q.exp() / q.exp().sum(2, keepdim=True) / 8, k.exp() / k.exp().sum(3, keepdim=True)
        found = torch.einsum("bhdp,bhep,bhdn->bhen", k, v, q).reshape(2, 512, 4, 5)
        expected = network.to_out(nn.functional.gelu(found))
        torch.testing.assert_close(network(x), expected)


def test_context_is_what_is_attended_to(filled):
    network, x = filled(_Context(6, 8)), torch.randn(2, 6, 4, 4)
    with torch.no_grad():
        share = network.to_k(x).exp() / network.to_k(x).exp().sum((2, 3), keepdim=True)
        expected = network.net((x * share).sum((2, 3), keepdim=True))
        torch.testing.assert_close(network(x), expected)


def test_blur_keeps_what_is_even_and_spreads_what_is_not():
    blur = _Blur()
    blur.f.copy_(torch.tensor([1.0, 2.0, 1.0]))
    torch.testing.assert_close(blur(torch.full((1, 2, 5, 5), 0.3)), torch.full((1, 2, 5, 5), 0.3))
    point = torch.zeros(1, 1, 5, 5)
    point[0, 0, 2, 2] = 16
    assert blur(point)[0, 0, 1:4, 1:4].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_what_was_seen_weighs_the_layer_that_it_is_for(filled):
    """Of a small one of 512: the doublings to 128, 256 and 512 are weighed by those to 16, 32 and 64."""
    network = filled(LightweightGan(4, 512, fmap_max=4))
    weighing = [layer for layer in network.layers if isinstance(layer, _Layer) and layer[1] is not None]
    assert len(weighing) == 3
    latent = torch.randn(1, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = network(latent)
        for each in weighing:
            last = each[1].net[2]
            bias = last.bias.clone()
            last.bias.fill_(-1e4)  # all weights are 0: what is left of the image does not come from here
            assert not torch.equal(network(latent), plain)
            last.bias.copy_(bias)
        weighing[-1][1].net[2].bias.fill_(-1e4)
        assert torch.equal(network(latent), network(-latent))  # the last doubling's channels are gone
