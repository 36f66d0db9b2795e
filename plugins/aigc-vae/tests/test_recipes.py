"""The recipes of the bundled models: they are what the manifests say, and running one again gives the same weights."""

import json
from pathlib import Path

import pytest
import torch

import aigc_vae
from aigc_core.train.build import component
from aigc_core.train.data.read import read
from aigc_core.train.recipe import read as read_recipe
from aigc_core.train.training import Training
from aigc_core.train.weights_hash import weights_sha256

ZOO = Path(aigc_vae.__file__).parent / "zoo"
ROOT = Path(__file__).parents[3]
MODELS = sorted(path.stem for path in (ZOO / "models").glob("*.json"))
SECOND = {"vqvae-fashion": "vqvae-fashion-codes"}
"""Models of a second training, with the recipe of the first; the run that they began with is kept as a record."""


def manifest(model):
    return json.loads((ZOO / "models" / f"{model}.json").read_text("utf-8"))


def recorded(model):
    """Return the recipe that starts from nothing, and what its full run recorded."""
    first = SECOND.get(model)
    if first is None:
        return model, manifest(model)["origin"]
    return first, json.loads((ROOT / "benchmarks" / "records" / f"{first}.json").read_text("utf-8"))["record"]


@pytest.mark.parametrize("model", MODELS)
def test_the_manifests_origin_is_the_recipe(model):
    origin, plan = manifest(model)["origin"], read_recipe(model)
    assert origin["recipe"] == f"recipes/{model}.json"
    assert (origin["seed"], origin["steps"]) == (plan["seed"], plan["budget"]["steps"])
    assert origin["threads"] == plan["compute"]["threads"]
    assert origin["data"]["sha256"] == plan["data"]["sha256"]
    assert manifest(model)["code"]["config"] == plan["networks"]["autoencoder"]["config"]
    assert origin["cpu_seconds"] > 0
    assert origin.get("parents", []) == ([SECOND[model]] if model in SECOND else [])


@pytest.mark.parametrize("model", MODELS)
def test_a_model_stays_small(model):
    (file,) = manifest(model)["weights"]["files"]
    assert file["size"] <= 6_000_000


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_running_the_recipe_again_gives_the_same_weights(model):
    """The first 50 steps on the real data, against the hash that the full run recorded on its way."""
    name, origin = recorded(model)
    plan = read_recipe(name)
    folder = ROOT / plan["data"]["folder"]
    if not folder.exists():
        pytest.skip("the training data are not here: make data")
    here = (torch.__version__, torch.backends.cpu.get_cpu_capability())
    if here != (origin["torch"], origin["instructions"]):
        pytest.skip(f"recorded with torch {origin['torch']} on {origin['instructions']}, this is {here}")
    threads = torch.get_num_threads()
    torch.set_num_threads(plan["compute"]["threads"])
    torch.set_flush_denormal(plan["compute"]["flush_denormals"])
    try:
        training = Training(plan, read(plan["data"], str(folder), lambda use: component("datasets", use)))
        for _ in range(50):
            training.advance()
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
    assert weights_sha256(training.networks["autoencoder"]) == origin["checks"]["50"]
