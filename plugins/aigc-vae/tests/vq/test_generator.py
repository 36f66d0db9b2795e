"""The generator and autoencoder: the contracts, codes in and out, and what is refused."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from aigc_core.errors import Refused, WrongUse
from aigc_core.interfaces import Autoencoder, Generator
from aigc_vae.vq.generator import VqVae28Generator


@pytest.fixture
def model(network, tiny, tmp_path):
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    config = tiny | {"model_type": "vqvae-28"}
    return VqVae28Generator.open(config, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")


def uniforms(count, seed=0):
    return {"codes": np.random.default_rng(seed).random((count, 49), np.float32)}


def codes(count=3, seed=0):
    return np.random.default_rng(seed).integers(0, 8, (count, 7, 7))


def test_keeps_both_contracts(model):
    assert isinstance(model, Generator)
    assert isinstance(model, Autoencoder)
    assert model.noise["codes"] == ((49,), "uniform")
    assert model.latent == ((7, 7), 8)


def test_a_sample_is_a_decoded_draw_of_the_prior(model, network):
    samples = model.generate(uniforms(4), {})
    assert (samples.kind, samples.range, samples.values.dtype) == ("image", (0.0, 1.0), np.float32)
    assert samples.values.shape == (4, 1, 28, 28)
    with torch.no_grad():
        drawn = network.prior.sample(torch.from_numpy(uniforms(4)["codes"])).view(4, 7, 7)
        assert np.array_equal(samples.values, network.decode(drawn).numpy())


def test_a_row_depends_on_its_own_noise_alone(model):
    other = uniforms(4, seed=1)
    other["codes"][2] = uniforms(4)["codes"][2]
    one, two = (model.generate(each, {}).values for each in (uniforms(4), other))
    assert np.array_equal(one[2], two[2])
    assert not np.array_equal(one[0], two[0])


def test_the_temperature_reaches_the_prior(model):
    plain, same, cold = (model.generate(uniforms(4), {"temperature": t}).values for t in (1.0, 1, 0.01))
    assert np.array_equal(plain, same)
    assert not np.array_equal(plain, cold)
    others = model.generate(uniforms(4, seed=1), {"temperature": 0.01}).values
    assert np.abs(cold - others).mean() < np.abs(plain - model.generate(uniforms(4, seed=1), {}).values).mean()


def test_images_go_to_codes_and_back(model, network, draw):
    latents = model.encode(draw(5).numpy(), {})
    assert latents.deviation is None
    assert (latents.values.shape, latents.values.dtype) == ((5, 7, 7), np.int64)
    assert 0 <= latents.values.min() <= latents.values.max() < 8
    assert len(np.unique(latents.values)) > 3
    shown = model.decode(latents.values, {})
    assert (shown.kind, shown.range, shown.values.dtype) == ("image", (0.0, 1.0), np.float32)
    vectors = network.codebook.entries[torch.from_numpy(latents.values)]
    with torch.no_grad():
        assert np.array_equal(shown.values, network.pixels(vectors).sigmoid().numpy())


@pytest.mark.parametrize(
    ("latents", "said"),
    [
        (codes() + 1, "A code is 8; the codebook has the codes 0 to 7"),
        (codes() - 1, "A code is -1; the codebook"),
        (np.arange(49).reshape(1, 7, 7) % 9, "A code is 8; the codebook"),
        (np.full((1, 7, 7), -(2**63)), "A code is -9223372036854775808"),
        (np.full((1, 7, 7), 2**64 - 1, np.uint64), "A code is 18446744073709551615"),
        (codes().astype(np.float32), "type float32 are given; codes are whole numbers"),
        (codes().astype(bool), "type bool are given"),
        (codes()[0], r"shape \[7, 7\] are given; the codes of an image are 7 x 7"),
        (codes()[:, :6], r"shape \[3, 6, 7\] are given"),
    ],
    ids=[
        "too high",
        "below 0",
        "one beyond among all",
        "lowest",
        "highest",
        "floats",
        "flags",
        "no batch",
        "misshapen",
    ],
)
def test_what_is_no_code_is_refused(model, latents, said):
    with pytest.raises(WrongUse, match=said):
        model.decode(latents, {})


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.uint64])
def test_codes_of_any_whole_type_are_taken(model, kind):
    assert np.array_equal(model.decode(codes().astype(kind), {}).values, model.decode(codes(), {}).values)


def test_no_codes_give_no_images(model):
    assert model.decode(codes(0), {}).values.shape == (0, 1, 28, 28)


def test_the_way_between_begins_and_ends_where_it_should(model):
    one, other = codes(2)
    path = model.between(one, other, np.linspace(0, 1, 9))
    assert (path.shape, path.dtype) == ((9, 7, 7), np.int64)
    assert np.array_equal(path[0], one)
    assert np.array_equal(path[-1], other)
    assert (path[:, one == other] == one[one == other]).all()


def test_the_way_between_is_the_nearest_entry_to_the_straight_line(model, network):
    one, other = codes(2)
    entries = network.codebook.entries.numpy()
    point = 0.7 * entries[one] + 0.3 * entries[other]
    expected = np.linalg.norm(point[:, :, None] - entries, axis=-1).argmin(-1)
    assert np.array_equal(model.between(one, other, np.array([0.3]))[0], expected)


def test_equal_entries_keep_their_ends(model):
    model.network.codebook.entries[5] = model.network.codebook.entries[2]
    one, other = np.full((7, 7), 5), np.full((7, 7), 5)
    assert (model.between(one, other, np.array([0.0, 1.0])) == 5).all()


def test_a_way_from_what_is_no_code_is_refused(model):
    with pytest.raises(WrongUse, match="A code is 9"):
        model.between(codes(1)[0], np.full((7, 7), 9), np.array([0.5]))


def test_nothing_around_it_and_nothing_of_its_own_changes(model, draw):
    before, random = copy.deepcopy(model.network.state_dict()), torch.random.get_rng_state()
    model.generate(uniforms(2), {})
    model.between(codes(1)[0], codes(2)[1], np.array([0.5]))
    model.decode(model.encode(draw(2).numpy(), {}).values, {})
    assert torch.equal(random, torch.random.get_rng_state())
    assert torch.is_grad_enabled()
    assert not model.network.training
    assert all(torch.equal(before[name], value) for name, value in model.network.state_dict().items())


@given(st.integers(1, 5))
def test_any_number_is_made(count):
    from aigc_vae.vq.network import VqVae28

    torch.manual_seed(0)
    made = VqVae28Generator(VqVae28(4, 8, 3, 8, 1, 2).eval(), "cpu")
    values = made.generate(uniforms(count), {}).values
    assert values.shape == (count, 1, 28, 28)
    assert np.isfinite(values).all()


def test_weights_of_another_codebook_are_refused(network, tiny, tmp_path):
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(Refused, match="does not fit its architecture"):
        VqVae28Generator.open(tiny | {"codes": 9}, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")


def test_half_precision_is_taken(network, tiny, tmp_path):
    half = {name: value.half() for name, value in network.state_dict().items()}
    save_file(half, tmp_path / "model.safetensors")
    model = VqVae28Generator.open(tiny, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")
    assert model.network.codebook.entries.dtype == torch.float32
    assert model.dtype == "float32"
