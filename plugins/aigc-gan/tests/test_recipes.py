"""The recipes of the bundled models: they are what the manifests say, and running one again gives the same weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import aigc_gan
from aigc_core.train.build import component
from aigc_core.train.data.read import read
from aigc_core.train.recipe import read as read_recipe
from aigc_core.train.training import Training
from aigc_core.train.weights_hash import weights_sha256

ZOO = Path(aigc_gan.__file__).parent / "zoo"
MODELS = sorted(path.stem for path in (ZOO / "models").glob("*.json"))
ROOT = Path(__file__).parents[3]


def manifest(model):
    return json.loads((ZOO / "models" / f"{model}.json").read_text())


@pytest.mark.parametrize("model", MODELS)
def test_the_manifests_origin_is_the_recipe(model):
    origin, plan = manifest(model)["origin"], read_recipe(model)
    assert origin["recipe"] == f"recipes/{model}.json"
    assert (origin["seed"], origin["steps"]) == (plan["seed"], plan["budget"]["steps"])
    assert origin["threads"] == plan["compute"]["threads"]
    assert origin["data"]["sha256"] == plan["data"]["sha256"]
    assert manifest(model)["code"]["config"] == plan["networks"]["generator"]["config"]
    assert origin["cpu_seconds"] > 0
    assert {"discriminator/loss", "generator/loss"} <= origin["final_losses"].keys()


def _bounded(model):
    plan = read_recipe(model)
    one_pass = plan["trainer"]["config"].get("update") == "simultaneous"
    return one_pass and plan["losses"] == {"adversarial": "gan:non-saturating"}


@pytest.mark.parametrize("model", [*filter(_bounded, MODELS)])
def test_the_final_losses_are_possible(model):
    """G >= -log(1 - exp(-D)), by Jensen, for the true pair of any step: of one pass, and of cross-entropies alone."""
    losses = manifest(model)["origin"]["final_losses"]
    assert losses["generator/loss"] >= -np.log1p(-np.exp(-losses["discriminator/loss"])) - 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_a_model_stays_small(model):
    (file,) = manifest(model)["weights"]["files"]
    assert file["size"] <= 6_000_000


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_running_the_recipe_again_gives_the_same_weights(model):
    """The first 50 steps on the real data, against the hash that the full run recorded on its way."""
    plan, origin = read_recipe(model), manifest(model)["origin"]
    if "checks" not in origin:
        pytest.skip("no hash was kept of this run: it gives its like, not its bits, as its card says")
    folder = ROOT / plan["data"]["folder"]
    if not folder.exists():
        pytest.skip("the training data are not here: make data")
    here = (torch.__version__, torch.backends.cpu.get_cpu_capability())
    if here != (origin["torch"], origin["instructions"]):
        pytest.skip(f"recorded with torch {origin['torch']} on {origin['instructions']}, this is {here}")
    threads = torch.get_num_threads()
    torch.set_num_threads(plan["compute"]["threads"])
    try:
        data = read(plan["data"], str(folder), lambda use: component("datasets", use))
        training = Training(plan, data)
        for _ in range(50):
            training.advance()
    finally:
        torch.set_num_threads(threads)
    assert weights_sha256(training.networks[training.model_role]) == origin["checks"]["50"]
