"""Held equal to diffusers' own classes, loaded from the same folder: the largest difference by the largest value."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from aigc_vae.hub.blocks import OLD_NAMES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed: nothing to compare with")
    CLASSES = {
        "AutoencoderKL": diffusers.AutoencoderKL,
        "AutoencoderTiny": diffusers.AutoencoderTiny,
        "VQModel": diffusers.VQModel,
    }

BAR = 1e-5
pytestmark = pytest.mark.filterwarnings("ignore")  # another project's warnings are not ours to judge


def peer_of(where, name):
    """diffusers' model, which must have found every tensor that it wants and no other."""
    peer, about = CLASSES[name].from_pretrained(where, output_loading_info=True, local_files_only=True)
    assert not about["missing_keys"]
    assert not about["unexpected_keys"]
    return peer.eval()


def apart(found, wanted):
    """The largest difference, relative to the largest value; the values must vary, or it says nothing."""
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    assert wanted.std() > 0.02 * np.abs(wanted).max()
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def decoded(model, latents):
    """What the network decodes, before it is cut to the range."""
    with torch.inference_mode():
        rows = [model.network.decode(torch.tensor(row)).permute(2, 0, 1) for row in latents]
    return torch.stack(rows).numpy()


@torch.inference_mode()
def differences(model, peer, images):
    """Encode, and decode the same latents, with both; return the difference of each output by its name."""
    found, given = model.encode(images, {}), torch.tensor(images)
    if type(peer).__name__ == "VQModel":
        return _of_codes(model, peer, found.values, peer.encode(given).latents)
    if type(peer).__name__ == "AutoencoderKL":
        posterior = peer.encode(given).latent_dist
        latents, each = posterior.mean, {"deviation": apart(found.deviation, posterior.std)}
    else:
        latents, each = peer.encode(given).latents, {}
    made = decoded(model, latents.permute(0, 2, 3, 1))
    return each | {"mean": apart(found.values, latents), "image": apart(made, peer.decode(latents).sample)}


def _of_codes(model, peer, codes, vectors):
    """Compare images of one set of codes; the codes themselves may differ only where two are as near."""
    entries = peer.quantize.embedding.weight
    flat = vectors.permute(0, 2, 3, 1).reshape(-1, 1, vectors.shape[1]).double()
    distances = (flat - entries.double()).norm(dim=-1)
    chosen = distances.gather(1, torch.tensor(codes).view(-1, 1))[:, 0]
    nearest = distances.min(1).values
    image = peer.decode(entries[torch.tensor(codes)].permute(0, 3, 1, 2)).sample
    return {
        "distance": ((chosen - nearest) / nearest.max()).max().item(),
        "image": apart(decoded(model, codes), image),
    }


@pytest.mark.parametrize(
    ("name", "size"), [("sd", (64, 64)), ("sd", (96, 72)), ("sdxl", (64, 64)), ("taesd", (64, 64)), ("taesd", (96, 72))]
)
def test_the_real_shapes(configs, folder, load, picture, name, size):
    where = _kept(folder, configs, name)
    found = differences(load(where), peer_of(where, configs[name]["_class_name"]), picture(*size))
    assert max(found.values()) < BAR, found


_FOLDERS = {}


def _kept(folder, configs, name):
    """A folder for all tests of a model, of the names that its real file has: 335 MB are written once."""
    names = {"names": OLD_NAMES} if name == "sd" else {}
    if name not in _FOLDERS:
        _FOLDERS[name] = folder(configs[name], **names)
    return _FOLDERS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sd", "taesd"])
def test_the_real_shapes_at_512(configs, folder, load, picture, name):
    where = _kept(folder, configs, name)
    found = differences(load(where), peer_of(where, configs[name]["_class_name"]), picture(512, 512))
    assert max(found.values()) < BAR, found


@pytest.mark.parametrize("name", ["small-kl", "small-tiny", "small-vq"])
def test_several_images_at_once(configs, folder, load, picture, name):
    where = folder(configs[name], seed=3)
    found = differences(load(where), peer_of(where, configs[name]["_class_name"]), picture(24, 40, 3))
    assert max(found.values()) < BAR, found


SHAPES = st.fixed_dictionaries(
    {
        "block_out_channels": st.lists(st.sampled_from([4, 8, 12, 100]), min_size=1, max_size=3),
        "layers_per_block": st.integers(1, 2),
        "latent_channels": st.integers(1, 5),
        "norm_num_groups": st.sampled_from([1, 2, 4]),
        "act_fn": st.sampled_from(["silu", "swish"]),
        "use_quant_conv": st.booleans(),
        "use_post_quant_conv": st.booleans(),
        "mid_block_add_attention": st.booleans(),
    }
)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(SHAPES, st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_any_shape_of_kl(folder, load, picture, shape, wide, high, seed):
    count = len(shape["block_out_channels"])
    factor = 2 ** (count - 1)
    assume(factor * wide > 1)
    blocks = {"down_block_types": ["DownEncoderBlock2D"] * count, "up_block_types": ["UpDecoderBlock2D"] * count}
    where = folder({"_class_name": "AutoencoderKL", **shape, **blocks}, seed=seed)
    found = differences(load(where), peer_of(where, "AutoencoderKL"), picture(4 * factor * wide, 4 * factor * high))
    assert max(found.values()) < BAR, found


def test_any_shape_of_vq(configs, folder, load, picture):
    for given_more in ({"vq_embed_dim": None}, {"mid_block_add_attention": False}, {"lookup_from_codebook": True}):
        where = folder(configs["small-vq"] | given_more)
        found = differences(load(where), peer_of(where, "VQModel"), picture(24, 16))
        assert max(found.values()) < BAR, found


def _padded_at_both_sides(network):
    network.encoder.down_blocks[0].downsamplers[0].forward = lambda image: torch.nn.functional.conv2d(
        image.permute(2, 0, 1)[None],
        network.encoder.down_blocks[0].downsamplers[0].conv.weight,
        network.encoder.down_blocks[0].downsamplers[0].conv.bias,
        2,
        1,
    )[0].permute(1, 2, 0)


def _linears_in_another_order(network):
    attention = network.decoder.mid_block.attentions[0]
    attention.linears.insert(2, attention.linears.pop(0))


def _one_bias_forgotten(network):
    network.decoder.up_blocks[1].resnets[1].conv2.bias = None


def _no_attention(network):
    network.encoder.mid_block.attentions = torch.nn.ModuleList()


SABOTEURS = [_padded_at_both_sides, _linears_in_another_order, _one_bias_forgotten, _no_attention]


@pytest.mark.parametrize("spoil", SABOTEURS)
def test_a_mistake_is_found(configs, folder, load, picture, spoil):
    where = folder(configs["small-kl"])
    model, peer = load(where), peer_of(where, "AutoencoderKL")
    assert max(differences(model, peer, picture(24, 16)).values()) < BAR
    spoil(model.network)
    assert max(differences(model, peer, picture(24, 16)).values()) > 10 * BAR
