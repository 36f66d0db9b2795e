"""The models as the core uses them: strict loading, rows alone, and one sentence for what cannot be."""

import json

import numpy as np
import pytest
import torch

from aigc_core.errors import Refused, WrongUse
from aigc_core.interfaces import Autoencoder, Generator
from aigc_core.interfaces.autoencoder import ANY
from aigc_vae.hub.blocks import NEW_NAMES, OLD_NAMES

SMALL = ["small-kl", "small-tiny", "small-vq"]


@pytest.mark.parametrize("name", SMALL)
def test_it_is_an_autoencoder_and_no_generator(configs, folder, load, name):
    model = load(folder(configs[name]))
    assert isinstance(model, Autoencoder)
    assert not isinstance(model, Generator)
    assert (model.engine, model.dtype) == ("torch", "float32")


@pytest.mark.parametrize("name", SMALL)
def test_shapes_types_and_ranges(configs, folder, load, picture, name):
    model = load(folder(configs[name]))
    images = picture(20, 12, 2)
    latents = model.encode(images, {})
    small = (2, 6, 10)
    if model.latent.codes:
        assert (model.latent.shape, model.latent.codes) == ((ANY, ANY), 37)
        assert (latents.values.shape, latents.values.dtype) == (small, np.int64)
        assert len(np.unique(latents.values)) > 3
    else:
        assert model.latent.shape == (4, ANY, ANY)
        assert (latents.values.shape, latents.values.dtype) == ((2, 4, *small[1:]), np.float32)
    assert (latents.deviation is not None) == (name == "small-kl")
    if latents.deviation is not None:
        assert latents.deviation.shape == latents.values.shape
        assert latents.deviation.min() > 0
    made = model.decode(latents.values, {})
    assert (made.kind, made.range, made.values.dtype) == ("image", (-1.0, 1.0), np.float32)
    assert made.values.shape == images.shape
    assert -1 <= made.values.min() < made.values.max() <= 1


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", SMALL)
def test_a_row_is_the_same_to_the_bit_whatever_is_beside_it_and_nothing_is_changed(
    configs, folder, load, picture, name, threads
):
    torch.set_num_threads(threads)
    model = load(folder(configs[name]))
    images = picture(20, 12, 3)
    images.flags.writeable = False
    kept, grad, state = images.copy(), torch.is_grad_enabled(), torch.get_rng_state()
    all_at_once = model.encode(images, {})
    all_at_once.values.flags.writeable = False
    latents = all_at_once.values.copy()
    made = model.decode(all_at_once.values, {}).values
    for row in range(3):
        alone = model.encode(images[row : row + 1], {})
        assert np.array_equal(alone.values[0], latents[row])
        assert np.array_equal(model.decode(alone.values, {}).values[0], made[row])
    assert np.array_equal(images, kept)
    assert np.array_equal(all_at_once.values, latents)
    assert torch.is_grad_enabled() == grad
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(child.training for child in model.network.modules())


@pytest.mark.parametrize("name", SMALL)
def test_between_begins_with_the_one_and_ends_with_the_other(configs, folder, load, picture, name):
    model = load(folder(configs[name]))
    one, other = model.encode(picture(8, 8, 2), {}).values
    weights = np.array([0, 0.3, 1])
    line = model.between(one, other, weights)
    assert (line.shape, line.dtype) == ((3, *one.shape), one.dtype)
    assert np.array_equal(line[0], one)
    assert np.array_equal(line[2], other)
    if model.latent.codes:
        book = model.network.quantize.embedding.weight.numpy()
        vectors = 0.7 * book[one] + 0.3 * book[other]
        nearest = ((vectors[..., None, :] - book) ** 2).sum(-1).argmin(-1)
        assert np.array_equal(line[1], nearest)
    else:
        np.testing.assert_allclose(line[1], 0.7 * one + 0.3 * other, rtol=1e-4, atol=1e-6)


def test_codes_that_stand_twice_in_the_codebook_stay_what_they_are(configs, folder, load, random_weights):
    tensors = random_weights(configs["small-vq"])
    tensors["quantize.embedding.weight"][9] = tensors["quantize.embedding.weight"][4]
    model = load(folder(configs["small-vq"], tensors))
    nine, four = np.full((2, 2), 9), np.full((2, 2), 4)
    assert np.array_equal(model.between(nine, four, np.array([0.0, 1.0])), np.stack([nine, four]))


def test_latents_are_not_scaled(configs, folder, load, picture):
    found = []
    for factor in (0.18215, 2.0):
        where = folder(configs["small-kl"] | {"scaling_factor": factor, "shift_factor": 0.1})
        found.append(load(where).encode(picture(8, 8), {}).values)
    assert np.array_equal(*found)


@pytest.mark.parametrize("name", ["small-kl", "small-vq"])
def test_old_and_new_names_of_attention_are_one_model(configs, folder, load, picture, random_weights, name):
    given, images = configs[name], picture(16, 8)
    new = random_weights(given)
    pairs = dict(zip(NEW_NAMES, OLD_NAMES, strict=True))
    old = {}
    for key, value in new.items():
        place, found, rest = key.partition("attentions.0.")
        layer, _, kind = rest.rpartition(".")
        old[f"{place}{found}{pairs.get(layer, layer)}.{kind}" if found else key] = value
    assert sum(a != b for a, b in zip(new, old, strict=True)) == 16
    one, other = load(folder(given, new)), load(folder(given, old))
    assert np.array_equal(one.encode(images, {}).values, other.encode(images, {}).values)


@pytest.mark.parametrize("name", SMALL)
def test_a_file_in_half_precision_is_computed_in_float32(configs, folder, load, picture, random_weights, name):
    tensors = random_weights(configs[name])
    half = {key: value.half() for key, value in tensors.items()}
    found = load(folder(configs[name], half))
    same = load(folder(configs[name], {key: value.float() for key, value in half.items()}))
    assert {value.dtype for value in found.network.state_dict().values()} == {torch.float32}
    latents = found.encode(picture(8, 8), {}).values
    assert np.array_equal(latents, same.encode(picture(8, 8), {}).values)
    assert np.array_equal(found.decode(latents, {}).values, same.decode(latents, {}).values)


def _lacking(tensors):
    del tensors["encoder.conv_out.bias"]


def _more(tensors):
    tensors["decoder.more"] = torch.zeros(1)


def _mixed_names(tensors):
    tensors["encoder.mid_block.attentions.0.query.weight"] = tensors.pop("encoder.mid_block.attentions.0.to_q.weight")


def _shape(tensors):
    tensors["quant_conv.bias"] = torch.zeros(9)


def _type(tensors):
    tensors["quant_conv.bias"] = torch.zeros(8, dtype=torch.int32)


@pytest.mark.parametrize("spoil", [_lacking, _more, _mixed_names, _shape, _type])
def test_a_file_that_does_not_fit_is_refused(configs, folder, load, random_weights, spoil):
    tensors = random_weights(configs["small-kl"])
    spoil(tensors)
    with pytest.raises(Refused, match=r"does not fit its architecture|does not hold what it says"):
        load(folder(configs["small-kl"], tensors))


def test_a_file_that_is_none_is_refused(configs, folder, load):
    where = folder(configs["small-kl"])
    (where / "diffusion_pytorch_model.safetensors").write_bytes(b"PK\x03\x04 a pickle, say")
    with pytest.raises(Refused, match="no valid safetensors file"):
        load(where)


def test_a_config_of_another_size_is_refused_before_anything_is_allocated(configs, folder, load):
    where = folder(configs["small-kl"])
    (where / "config.json").write_text(json.dumps(configs["small-kl"] | {"block_out_channels": [8192, 8192]}))
    with pytest.raises(Refused, match="does not fit its architecture"):
        load(where)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 3, 7, 8), (1, 3, 8, 9), (1, 3, 0, 8)])
def test_images_that_cannot_be_encoded(configs, folder, load, name, shape):
    with pytest.raises(WrongUse, match=r"cannot be encoded: it takes 3 channels and sides that 2 divides"):
        load(folder(configs[name])).encode(np.zeros(shape, np.float32), {})


@pytest.mark.parametrize("name", ["small-kl", "small-tiny"])
@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (4, 4, 4), (1, 4, 0, 4)])
def test_latents_that_cannot_be_decoded(configs, folder, load, name, shape):
    with pytest.raises(WrongUse, match="cannot be decoded: it takes 4 channels"):
        load(folder(configs[name])).decode(np.zeros(shape, np.float32), {})


@pytest.mark.parametrize(
    "codes", [np.full((1, 2, 2), 37), np.full((1, 2, 2), -1), np.zeros((2, 2)), np.zeros((1, 0, 2))]
)
def test_codes_that_there_are_not(configs, folder, load, codes):
    with pytest.raises(WrongUse, match="no codes"):
        load(folder(configs["small-vq"])).decode(codes.astype(np.int64), {})


def test_a_decoders_overshoot_is_cut_to_the_range(configs, folder, load, random_weights):
    tensors = random_weights(configs["small-kl"])
    tensors["decoder.conv_out.bias"].fill_(50)
    made = load(folder(configs["small-kl"], tensors)).decode(np.zeros((1, 4, 2, 2), np.float32), {})
    assert made.values.max() == 1


def test_the_file_is_not_changed_by_what_is_computed(configs, folder, load, picture):
    where = folder(configs["small-kl"])
    path = where / "diffusion_pytorch_model.safetensors"
    before = path.read_bytes()
    model = load(where)
    state = {key: value.clone() for key, value in model.network.state_dict().items()}
    model.decode(model.encode(picture(16, 16), {}).values, {})
    assert path.read_bytes() == before
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())
