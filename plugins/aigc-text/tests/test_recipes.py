"""The recipes of the bundled models: they are what the manifests say, and running one again gives the same weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import aigc_text
from aigc_core.train.build import component
from aigc_core.train.data.read import read
from aigc_core.train.recipe import read as read_recipe
from aigc_core.train.training import Training
from aigc_core.train.weights_hash import weights_sha256

ZOO = Path(aigc_text.__file__).parent / "zoo"
MODELS = sorted(path.stem for path in (ZOO / "models").glob("*.json"))
ROOT = Path(__file__).parents[3]


def manifest(model):
    return json.loads((ZOO / "models" / f"{model}.json").read_text(encoding="utf-8"))


def plan_of(model):
    return read_recipe(str(ZOO / manifest(model)["origin"]["recipe"]))


@pytest.mark.parametrize("model", MODELS)
def test_the_manifests_origin_is_the_recipe(model):
    origin, plan = manifest(model)["origin"], plan_of(model)
    assert (origin["seed"], origin["steps"]) == (plan["seed"], plan["budget"]["steps"])
    assert origin["threads"] == plan["compute"]["threads"]
    assert origin["data"]["sha256"] == plan["data"]["sha256"]
    given = plan["networks"]["decoder"]["config"]
    own = {name: value for name, value in given.items() if not isinstance(value, dict)}
    assert own.items() <= manifest(model)["code"]["config"].items()
    assert manifest(model)["code"]["config"].keys() == given.keys()
    assert origin["cpu_seconds"] > 0
    assert "decoder/loss" in origin["final_losses"]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_stays_small(model):
    (file,) = manifest(model)["weights"]["files"]
    assert file["size"] <= 4_000_000
    assert file["dtype"] == "float16"


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_running_the_recipe_again_gives_the_same_weights(model):
    """The first 50 steps on the real data, against the hash that the full run recorded on its way."""
    plan, origin = plan_of(model), manifest(model)["origin"]
    shared = ROOT.parent / "shared" / "data" / plan["data"]["source"]["file"]
    folder = ROOT / plan["data"]["folder"]
    if not folder.exists() and not shared.exists():
        pytest.skip("the training data are not here: make data")
    here = (torch.__version__, torch.backends.cpu.get_cpu_capability())
    if here != (origin["torch"], origin["instructions"]):
        pytest.skip(f"recorded with torch {origin['torch']} on {origin['instructions']}, this is {here}")
    threads = torch.get_num_threads()
    torch.set_num_threads(plan["compute"]["threads"])
    torch.set_flush_denormal(plan["compute"]["flush_denormals"])
    try:
        data = read(plan["data"], str(folder if folder.exists() else shared), lambda use: component("datasets", use))
        training = Training(plan, data)
        for _ in range(50):
            training.advance()
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
    assert weights_sha256(training.networks["decoder"]) == origin["checks"]["50"]
