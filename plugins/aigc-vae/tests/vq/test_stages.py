"""Both recipes, and one stage after the other by the commands that a user types."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import aigc_vae
from aigc_core.manifest.validate import validate_plugin
from aigc_core.train import recipe as recipes
from aigc_core.train.build import build

ZOO = Path(aigc_vae.__file__).parent / "zoo"
STAGES = ("vqvae-fashion-codes", "vqvae-fashion")


def read(name):
    return recipes.read(str(ZOO / "recipes" / f"{name}.json"))


def test_what_is_declared_is_sound():
    assert validate_plugin(str(ZOO / "plugin.json")) == []


def test_both_stages_train_one_network_on_the_same_images():
    first, second = map(read, STAGES)
    assert first["networks"] == second["networks"]
    assert first["data"]["source"] == second["data"]["source"]
    assert first["data"]["sha256"] == second["data"]["sha256"]


@pytest.mark.parametrize("name", STAGES)
def test_half_of_its_weights_are_trained_at_a_time(name):
    network = build(read(name), {}, "meta").networks["autoencoder"]
    trained = {key.partition(".")[0] for key, value in network.named_parameters() if value.requires_grad}
    assert trained == ({"prior"} if name == "vqvae-fashion" else {"encoder", "decoder"})


def test_its_weights_are_small_enough_to_ship():
    network = build(read("vqvae-fashion"), {}, "meta").networks["autoencoder"]
    assert read("vqvae-fashion")["dtype"] == "float16"
    assert sum(2 * value.numel() for value in network.state_dict().values()) < 6e6


@pytest.fixture
def zoo(tmp_path, tiny):
    """Type a command about recipes that are made small, with synthetic images."""
    random = torch.Generator().manual_seed(0)
    for part, count in (("train", 40), ("t10k", 10)):
        pixels = torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=random).numpy().tobytes()
        (tmp_path / f"{part}-images").write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + pixels)
    for name in STAGES:
        made = json.loads((ZOO / "recipes" / f"{name}.json").read_text())
        made["networks"]["autoencoder"]["config"] = tiny
        del made["data"]["sha256"]
        source = {"kind": "idx", "images": "train-images", "test": {"images": "t10k-images"}}
        made["data"] |= {"folder": str(tmp_path), "batch_size": 8, "source": source}
        made |= {"budget": {"steps": 6}, "checkpoint": {"every": 2}, "samples": {"every": 0}, "log": {"every": 2}}
        (tmp_path / f"{name}.json").write_text(json.dumps(made))

    def call(*arguments):
        own = {"AIGC_ZOO_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "aigc_core", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | own, capture_output=True, encoding="utf-8")
        return done.returncode, done.stdout + done.stderr

    return call


def weights(folder):
    return {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}


@pytest.mark.slow
def test_a_prior_is_trained_on_a_stopped_and_resumed_first_stage(zoo, tmp_path):
    first, second = (tmp_path / name for name in ("codes", "whole"))
    assert zoo("train", "vqvae-fashion-codes.json", "--out", first)[0] == 0
    stopped = tmp_path / "stopped"
    assert zoo("train", "vqvae-fashion-codes.json", "--out", stopped, "--set", "budget.seconds=1e-6")[0] == 0
    assert json.loads((stopped / "record.json").read_text())["steps"] < 6
    assert zoo("train", "--resume", stopped, "--set", "budget.seconds=null")[0] == 0
    one, other = weights(first), weights(stopped)
    assert all(torch.equal(one[name], other[name]) for name in one)

    code, said = zoo("train", "vqvae-fashion.json", "--from", first, "--out", second)
    assert code == 0, said
    assert "warning" not in said
    whole = weights(second)
    for name, value in one.items():
        assert torch.equal(whole[name], value.half().float()) == (not name.startswith("prior.")), name
    code, said = zoo("run", second, "-n", "4", "-o", tmp_path / "sheet.png", "--temperature", "0.8")
    assert code == 0, said
    assert (tmp_path / "sheet.png").stat().st_size > 100


@pytest.mark.slow
def test_a_prior_without_a_first_stage_is_warned_of(zoo, tmp_path):
    code, said = zoo("train", "vqvae-fashion.json", "--out", tmp_path / "alone")
    assert code == 0
    assert "never trained: begin with one, by --from" in said
