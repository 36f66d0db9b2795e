"""What the plugin declares: it is sound, its recipes can be built, and what is trained can be run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import aigc_vae
from aigc_core.errors import Refused
from aigc_core.interfaces import Generator
from aigc_core.manifest.validate import validate_plugin
from aigc_core.train import recipe as recipes
from aigc_core.train.build import build
from aigc_vae.generators import Mlp28
from aigc_vae.networks import Mlp28 as Network

ZOO = Path(aigc_vae.__file__).parent / "zoo"
RECIPES = sorted(path.stem for path in (ZOO / "recipes").glob("*.json"))
CONFIG = {"hidden": 16, "latent_dim": 3, "model_type": "mlp-28"}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network(16, 3)


@pytest.fixture
def generator(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    return Mlp28.open(CONFIG, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")


def latent(count=4):
    return {"latent": np.random.default_rng(0).standard_normal((count, 3), np.float32)}


def test_the_plugin_manifest_and_its_templates_are_sound():
    assert validate_plugin(str(ZOO / "plugin.json")) == []


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_sound_and_builds(name):
    recipe = recipes.read(str(ZOO / "recipes" / f"{name}.json"))
    assert recipe["name"] == name
    assert recipe["data"]["range"] == [0, 1]
    trainer = build(recipe, {}, "meta")
    assert trainer.networks["autoencoder"].latent_dim == 20


def test_keeps_the_contract(generator):
    assert isinstance(generator, Generator)
    assert generator.noise["latent"] == ((3,), "normal")


def test_makes_the_decoders_probabilities(generator, network):
    samples = generator.generate(latent(), {})
    assert (samples.kind, samples.range, samples.values.dtype) == ("image", (0.0, 1.0), np.float32)
    with torch.no_grad():
        expected = network.decode(torch.from_numpy(latent()["latent"])).sigmoid()
    assert np.array_equal(samples.values, expected.numpy())


def test_touches_no_global_state(generator):
    before = torch.random.get_rng_state()
    generator.generate(latent(), {})
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.is_grad_enabled()


def test_weights_of_another_width_are_refused(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(Refused, match="does not fit its architecture"):
        Mlp28.open(CONFIG | {"hidden": 17}, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")
