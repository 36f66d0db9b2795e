"""The recipes of the bundled models: they are what the manifests say, and running one again gives the same weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import aigc_gan
from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_gan.data import fashion_mnist, read
from aigc_gan.final_weights import estimate_batch_norm, final_weights, weights_sha256
from aigc_gan.recipe import recipe
from aigc_gan.training_run import Run

ZOO = Path(aigc_gan.__file__).parent / "zoo"
MODELS = sorted(path.stem for path in (ZOO / "models").glob("*.json"))
DATA = Path(__file__).parents[3] / ".data"


def manifest(model):
    return json.loads((ZOO / "models" / f"{model}.json").read_text())


@pytest.mark.parametrize("model", MODELS)
def test_the_manifests_origin_is_the_recipe(model):
    origin, plan = manifest(model)["origin"], recipe(model)
    assert origin["recipe"] == f"recipes/{model}.json"
    assert (origin["seed"], origin["steps"], origin["threads"]) == (plan["seed"], plan["steps"], plan["threads"])
    assert origin["data"]["sha256"] == plan["data"]["images_sha256"]
    assert manifest(model)["code"]["config"] == plan["generator"]
    assert origin["cpu_seconds"] > 0
    assert {"discriminator/loss", "generator/loss"} <= origin["final_losses"].keys()


@pytest.mark.parametrize("model", MODELS)
def test_the_final_losses_are_possible(model):
    """G >= -log(1 - exp(-D)), by Jensen, for the true pair of any step."""
    losses = manifest(model)["origin"]["final_losses"]
    assert losses["generator/loss"] >= -np.log1p(-np.exp(-losses["discriminator/loss"])) - 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_a_model_stays_small(model):
    (file,) = manifest(model)["weights"]["files"]
    assert file["size"] <= 6_000_000


def small_recipe(**changes):
    plan = recipe("dcgan-digits")
    plan |= {"generator": {"latent_dim": 8, "width": 4}, "discriminator": {"width": 4, "dropout": 0.3}, "batch_size": 4}
    return plan | changes


def images(count=10):
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)


def test_a_run_goes_on_from_its_checkpoint_as_if_it_had_not_stopped(tmp_path):
    straight, stopped = Run(small_recipe(), images()), Run(small_recipe(), images())
    for _ in range(7):
        straight.advance()
    for _ in range(4):  # past the end of the first epoch, whose last batch is a smaller one
        stopped.advance()
    stopped.save(tmp_path / "checkpoint.safetensors")
    again = Run(small_recipe(), images())
    again.restore(tmp_path / "checkpoint.safetensors")
    for _ in range(3):
        again.advance()
    for name in ("generator", "discriminator"):
        assert weights_sha256(straight.trainer.networks[name]) == weights_sha256(again.trainer.networks[name])
    assert weights_sha256(straight.average) == weights_sha256(again.average)


def test_another_recipes_checkpoint_is_refused(tmp_path):
    run = Run(small_recipe(), images())
    run.save(tmp_path / "checkpoint.safetensors")
    with pytest.raises(Refused, match="is the checkpoint of another recipe"):
        Run(small_recipe(seed=2), images()).restore(tmp_path / "checkpoint.safetensors")


def test_every_image_is_seen_once_an_epoch():
    run = Run(small_recipe(), images())
    seen = []
    step = run.trainer.step
    run.trainer.step = lambda batch: seen.extend(batch) or step(batch)
    for _ in range(3):
        run.advance()
    expected = torch.from_numpy(images()).float() / 127.5 - 1
    key = lambda image: image.flatten().tolist()  # noqa: E731
    assert sorted(map(key, seen)) == sorted(map(key, expected))
    assert all(image.min() >= -1 and image.max() <= 1 for image in seen)


def test_a_seed_gives_other_weights():
    one, other = Run(small_recipe(), images()), Run(small_recipe(seed=2), images())
    assert weights_sha256(one.trainer.networks["generator"]) != weights_sha256(other.trainer.networks["generator"])


def test_shapes_that_do_not_fit_stop_the_run_before_its_first_step():
    with pytest.raises(WrongUse, match=r"makes samples of shape \[1, 28, 28\], the data have \[1, 32, 32\]"):
        Run(small_recipe(), np.zeros((4, 32, 32), np.uint8))


def test_what_ships_is_half_precision_with_statistics_of_its_own():
    run = Run(small_recipe(), images())
    run.advance()
    tensors = final_weights(run)
    assert {value.dtype for name, value in tensors.items() if value.is_floating_point()} == {torch.float16}
    assert tensors.keys() == run.average.state_dict().keys()


def test_batch_norm_statistics_are_the_mean_over_fresh_latents():
    run = Run(small_recipe(), images())
    estimate_batch_norm(run.average, 8, seed=5, batches=3)
    random = torch.Generator().manual_seed(5)
    rows = [run.average.project(torch.randn(256, 8, generator=random)) for _ in range(3)]
    expected = torch.stack([row.mean(0) for row in rows]).mean(0)
    torch.testing.assert_close(run.average.norm0.running_mean, expected)


def test_an_unknown_recipe_gives_the_near_one():
    with pytest.raises(WrongUse, match=r"no recipe dcgan-fashon\. Did you mean dcgan-fashion"):
        recipe("dcgan-fashon")


def test_data_that_is_missing_damaged_or_other_is_named(tmp_path):
    with pytest.raises(NotAvailable, match=r"train-images-idx3-ubyte\.gz is missing"):
        read("fashion-mnist", tmp_path, "")
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"not gzip")
    with pytest.raises(NotAvailable, match="does not hold the data set fashion-mnist"):
        read("fashion-mnist", tmp_path, "")
    import gzip
    import struct

    pixels = bytes(2 * 28 * 28)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(struct.pack(">4I", 2051, 2, 28, 28) + pixels))
    assert fashion_mnist(tmp_path).shape == (2, 28, 28)
    with pytest.raises(Refused, match="are not the recipe's: they have sha256"):
        read("fashion-mnist", tmp_path, "0" * 64)


FOLDERS = {"dcgan-fashion": "fashion-mnist", "dcgan-digits": "mnist-digits"}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_running_the_recipe_again_gives_the_same_weights(model):
    """The first 50 steps on the real data, against the hash that the full run recorded on its way."""
    folder, origin = DATA / FOLDERS[model], manifest(model)["origin"]
    if not folder.exists():
        pytest.skip("the training data are not here: make data")
    here = (torch.__version__, torch.backends.cpu.get_cpu_capability())
    if here != (origin["torch"], origin["instructions"]):
        pytest.skip(f"recorded with torch {origin['torch']} on {origin['instructions']}, this is {here}")
    plan, threads = recipe(model), torch.get_num_threads()
    torch.set_num_threads(plan["threads"])
    try:
        run = Run(plan, read(plan["data"]["name"], folder, plan["data"]["images_sha256"]))
        for _ in range(50):
            run.advance()
    finally:
        torch.set_num_threads(threads)
    assert weights_sha256(run.trainer.networks["generator"]) == origin["checks"]["50"]
