"""The Hub's GANs as the core runs them, from files as huggan's are; of random weights, and small where they may be."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from aigc_core.errors import NotAvailable, Refused
from aigc_core.interfaces import Generator
from aigc_core.run.noise import draw
from aigc_gan.hub import generators
from aigc_gan.hub.dcgan import TutorialDcgan64
from aigc_gan.hub.fastgan import FastGan1024
from aigc_gan.hub.lightweight import LightweightGan

DCGAN = {"num_channels": 3, "latent_dim": 10, "hidden_size": 4}
LIGHT = {"latent_dim": 8, "image_size": 64, "fmap_max": 8, "attn_res_layers": [32]}


@pytest.fixture
def dcgan(tmp_path, filled):
    torch.save(filled(TutorialDcgan64(**DCGAN)).state_dict(), tmp_path / "pytorch_model.bin")
    return generators.TutorialDcgan.open(DCGAN, {"pytorch_model.bin": tmp_path / "pytorch_model.bin"}, "cpu")


def light_files(folder, filled, **settings):
    """Write what huggan's LightweightGAN writes: G, D, GE and D_aug in one state_dict, under GAN, and a config."""
    parts = {name: filled(LightweightGan(**LIGHT, **settings), seed) for seed, name in enumerate(("G", "GE"))}
    discriminator = {"to_logits.0.weight": torch.zeros(1)}
    flat = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    flat |= {f"{name}.{key}": value for name in ("D", "D_aug.D") for key, value in discriminator.items()}
    torch.save({"GAN": flat}, folder / "model.pt")
    (folder / "config.json").write_text(json.dumps(LIGHT))
    return parts, {"model.pt": folder / "model.pt", "config.json": folder / "config.json"}


def light_config(**others):
    """What such a config.json has."""
    rest = {"optimizer": "adam", "fmap_inverse_coef": 12, "disc_output_size": 1, "ttur_mult": 1.0, "lr": 0.0002}
    return {**LIGHT, **rest, "transparent": False, "greyscale": False, "freq_chan_attn": False, **others}


def test_the_tutorials_dcgan(dcgan):
    assert isinstance(dcgan, Generator)
    noise = draw(dcgan.noise, 0, range(3))
    samples = dcgan.generate(noise, {})
    assert (samples.kind, samples.range, samples.values.shape) == ("image", (-1.0, 1.0), (3, 3, 64, 64))
    with torch.no_grad():
        np.testing.assert_array_equal(samples.values, dcgan.network(torch.from_numpy(noise["latent"])).numpy())
    other = {"latent": np.concatenate([noise["latent"][:1], -noise["latent"][1:]])}
    again = dcgan.generate(other, {}).values
    assert np.array_equal(again[0], samples.values[0])
    assert not np.array_equal(again[1], samples.values[1])


def test_it_can_be_of_safetensors_too(tmp_path, filled, dcgan):
    path = tmp_path / "model.safetensors"
    save_file(filled(TutorialDcgan64(**DCGAN)).state_dict(), path)
    model = generators.TutorialDcgan.open(DCGAN, {"model.safetensors": path}, "cpu")
    noise = draw(model.noise, 0, range(2))
    assert np.array_equal(model.generate(noise, {}).values, dcgan.generate(noise, {}).values)


def test_lightweight_takes_the_averaged_generator(tmp_path, filled):
    parts, files = light_files(tmp_path, filled)
    model = generators.Lightweight.open(light_config(), files, "cpu")
    noise = draw(model.noise, 0, range(3))
    samples = model.generate(noise, {})
    assert (samples.range, samples.values.shape) == ((0.0, 1.0), (3, 3, 64, 64))
    with torch.no_grad():
        one = torch.from_numpy(noise["latent"][1:2])
        averaged, current = (parts[name](one).clamp(0, 1)[0].numpy() for name in ("GE", "G"))
    assert np.array_equal(samples.values[1], averaged)
    assert not np.array_equal(samples.values[1], current)


def test_a_file_with_a_blur_is_refused_until_the_config_says_so(tmp_path, filled):
    _, files = light_files(tmp_path, filled, blur=True)
    with pytest.raises(Refused, match=r"it has layers\.0\.0\.1\.f.* which the architecture does not know"):
        generators.Lightweight.open(light_config(), files, "cpu")
    model = generators.Lightweight.open(light_config(blur=True), files, "cpu")
    assert model.generate(draw(model.noise, 0, range(1)), {}).values.shape == (1, 3, 64, 64)


@pytest.mark.parametrize("field", ["transparent", "greyscale", "freq_chan_attn"])
def test_a_lightweight_gan_of_another_kind_is_named(field, tmp_path, filled):
    _, files = light_files(tmp_path, filled)
    with pytest.raises(NotAvailable, match=f"A LightweightGAN with {field} cannot be run"):
        generators.Lightweight.open(light_config(**{field: True}), files, "cpu")


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_a_file_that_does_not_fit_is_refused(change, tmp_path, filled):
    state = filled(TutorialDcgan64(**DCGAN)).state_dict()
    broken = {
        "missing": {name: value for name, value in state.items() if name != "model.3.weight"},
        "extra": state | {"model.99.weight": torch.zeros(1)},
        "shape": state | {"model.3.weight": torch.zeros(1, 2, 4, 4)},
    }[change]
    torch.save(broken, tmp_path / "pytorch_model.bin")
    with pytest.raises(Refused, match=r"does not fit its architecture: .*" + re.escape("model.")):
        generators.TutorialDcgan.open(DCGAN, {"pytorch_model.bin": tmp_path / "pytorch_model.bin"}, "cpu")


class Drawn(torch.nn.Module):
    """A network that shows what it is given, in the place of one of 117 MB."""

    latent_dim = 4

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, latent, noise=()):
        self.calls += 1
        levels = [latent.sum(), *(each.mean() for each in noise)]
        return torch.stack(levels).view(1, -1, 1, 1).expand(1, -1, 2, 2)


def test_fastgans_noise_is_a_function_of_its_grain():
    model = generators.FastGan(Drawn(), "cpu")
    assert model.noise == {"latent": ((4,), "normal"), "grain": ((2,), "uniform")}
    state = torch.random.get_rng_state()
    noise = draw(model.noise, 0, range(3))
    one, again = (model.generate(noise, {}).values for _ in range(2))
    assert np.array_equal(one, again)
    assert one.shape[1] == 1 + 8
    for at in range(2):
        other = {name: values.copy() for name, values in noise.items()}
        other["grain"][1, at] += 2**-20
        two = model.generate(other, {}).values
        assert np.array_equal(two[[0, 2]], one[[0, 2]])
        assert not np.isclose(two[1, 1:], one[1, 1:]).any()
    noise["grain"][:] = 1.0  # what rounds up
    model.generate(noise, {})
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_row_that_fills_the_batch_up_is_not_made_again():
    model = generators.FastGan(Drawn(), "cpu")
    noise = draw(model.noise, 0, [5, 6, 5, 5])
    values = model.generate(noise, {}).values
    assert model.network.calls == 2
    assert np.array_equal(values[0], values[2])
    assert not np.array_equal(values[0], values[1])
    assert values.max() <= 1  # what lies beyond the range is cut off


@pytest.mark.slow
def test_fastgan_from_a_file_at_its_real_shape(tmp_path, filled):
    torch.save(filled(FastGan1024()).state_dict(), tmp_path / "pytorch_model.bin")
    files = {"pytorch_model.bin": tmp_path / "pytorch_model.bin"}
    model = generators.FastGan.open({"in_channels": 256, "out_channels": 3}, files, "cpu")
    noise = draw(model.noise, 0, range(1))
    samples = model.generate(noise, {})
    assert samples.values.shape == (1, 3, 1024, 1024)
    other = model.generate(noise | {"grain": 1 - noise["grain"]}, {})
    assert not np.array_equal(samples.values, other.values)
