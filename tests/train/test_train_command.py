"""``aigc-zoo train`` as a user types it: new runs, refusals, signals, resumptions, fine-tuning, the folder after."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aigc_core.manifest.validate import validate_model

FAMILIES = ["gan", "vae", "text"]


@pytest.fixture(scope="module")
def trained(zoo, tiny, tmp_path_factory):
    """A whole run of the VAE; read only."""
    out = tmp_path_factory.mktemp("trained") / "run"
    done = zoo("train", tiny("vae"), "--out", out)
    assert done.returncode == 0, done.stderr
    return out, done


def bits(folder):
    last = max((folder / "checkpoints").iterdir())
    files = [folder / "model.safetensors", folder / "losses.jsonl", last / "tensors.safetensors"]
    return [path.read_bytes() for path in files]


# Before a run.


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dry_run_says_what_it_will_be_and_writes_nothing(zoo, tiny, tmp_path, family):
    done = zoo("train", tiny(family), "--dry-run", "--out", tmp_path / "run")
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first == f"tiny-{family}: every shape fits."
    said = {line.split()[0]: line for line in lines}
    assert {"data", "memory", "steps"} <= said.keys()
    assert re.search(r"sha256 [0-9a-f]{12}\.\.\.", said["data"])
    assert "12 of 4 rows" in said["steps"]
    assert not (tmp_path / "run").exists()
    assert zoo("train", tiny(family), "--dry-run").returncode == 0


def test_what_is_wrong_is_said_in_one_line(zoo, tiny, tmp_path):
    out, recipe = tmp_path / "run", tiny("vae")
    cases = {
        ("train",): (2, "Which recipe?"),
        ("train", recipe): (2, "Where shall the run go?"),
        ("train", "vae-digit", "--out", out): (2, "Did you mean vae-digits?"),
        ("train", "gone.json", "--out", out): (2, "There is no recipe gone.json."),
        ("train", recipe, "--out", out, "--data", tmp_path / "gone"): (3, "The data set synthetic is not at"),
        ("train", recipe, "--out", out, "--set", "seed"): (2, "is no path=value"),
        ("train", recipe, "--out", out, "--set", "bugdet.steps=3"): (2, "bugdet"),
        ("train", recipe, "--out", out, "--steps", "0"): (2, "--steps"),
        ("train", recipe, "--out", out, "--seed", "-1"): (2, "--seed"),
        ("train", recipe, "--out", out, "--device", "cuda:7"): (3, "cuda"),
        ("train", recipe, "--out", out, "--track", "tensorbord"): (2, "Did you mean tensorboard?"),
        ("train", recipe, "--out", out, "--from", "dcgan-digits"): (
            2,
            "is a gan:dcgan-28, the recipe trains a vae:mlp-28",
        ),
        ("train", recipe, "--resume", out): (2, "leave out RECIPE"),
        ("train", "--resume", out): (2, "There is no run in"),
        ("train", "--resume", out, "--from", "dcgan-digits"): (2, "leave out RECIPE"),
        ("train", recipe, "--out", recipe): (2, "Cannot make the folder"),
        ("train", recipe, "--out", "/proc/nowhere/run"): (2, "Cannot make the folder"),
    }
    for arguments, (code, said) in cases.items():
        shutil.rmtree(out, ignore_errors=True)
        done = zoo(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), (arguments, done)
        assert said in done.stderr, arguments
        assert len(done.stderr.splitlines()) == 1, (arguments, done.stderr)
        assert "fault in aigc-zoo" not in done.stderr


def test_wrong_use_begins_no_run(zoo, tiny, tmp_path):
    out = tmp_path / "run"
    zoo("train", tiny("vae"), "--out", out, "--set", "networks.autoencoder.config.hidden=0.5")
    zoo("train", tiny("vae"), "--out", out, "--set", "data.batch_size=0")
    assert not out.exists()


# A run, and the folder after it.


def test_a_run_says_how_it_goes_and_what_to_type_next(trained):
    out, done = trained
    assert done.stdout == f"{out}: tiny-vae is trained, 12 steps. Try: aigc-zoo run {out}\n"
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("step ")] == [
        f"step {n} of 12" for n in (3, 6, 9, 12)
    ]
    assert f"samples: {out}/samples/step-00000008.png" in lines


def test_a_runs_folder_holds_what_the_docs_say(trained):
    out, _ = trained
    names = {path.name for path in out.iterdir() if not path.name.startswith(".")}  # the lock's is hidden
    expected = {"recipe.json", "run.json", "losses.jsonl", "record.json", "checkpoints", "samples", "events.jsonl"}
    assert expected | {"aigc-zoo.json", "README.md", "config.json", "model.safetensors"} == names
    losses = [json.loads(line) for line in (out / "losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in losses] == [3, 6, 9, 12]
    assert losses[0]["losses"].keys() == {"autoencoder/loss", "autoencoder/kl", "autoencoder/reconstruction"}
    record = json.loads((out / "record.json").read_text())
    assert (record["steps"], record["seed"], record["threads"]) == (12, 1, 1)
    assert record["data"]["name"] == "synthetic"
    assert re.fullmatch("[0-9a-f]{64}", record["data"]["sha256"])
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-00000008", "step-00000012"]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_folder_is_a_model_that_runs_and_shows(zoo, tiny, tmp_path, family):
    out = tmp_path / "run"
    assert zoo("train", tiny(family), "--out", out, "-q").returncode == 0
    ending = "txt" if family == "text" else "png"
    made = zoo("run", f"{out}/", "--count", "2", "--output", tmp_path / f"made.{ending}")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / f"made.{ending}").stat().st_size > 0
    shown = zoo("show", f"{out}/")
    assert shown.returncode == 0, shown.stderr
    assert f"tiny-{family}" in shown.stdout
    assert "synthetic" in shown.stdout


def test_quiet_prints_nothing_but_warnings(zoo, tiny, tmp_path):
    done = zoo("train", tiny("vae"), "--out", tmp_path / "fine", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    odd = ["--quiet", "--set", "data.range=[0, 2]", "--set", "data.binarise=none", "--steps", "1"]
    done = zoo("train", tiny("vae"), "--out", tmp_path / "odd", *odd)
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.startswith("warning: The data lie in [0.0, 2.0], the model's range is [0, 1].")


def test_strict_stops_at_the_first_warning(zoo, tiny, tmp_path):
    out = tmp_path / "run"
    done = zoo("train", tiny("vae"), "--out", out, "--strict", "--set", "data.range=[0, 2]")
    assert done.returncode == 1
    assert "the model's range is [0, 1]" in done.stderr
    assert "Without --strict, the training goes on." in done.stderr
    assert not (out / "model.safetensors").exists()
    again = zoo("train", "--resume", out)
    assert again.returncode == 1, "strictness is the run's own"


def test_a_run_is_not_overwritten(zoo, tiny, trained):
    out, _ = trained
    before = bits(out)
    done = zoo("train", tiny("vae"), "--out", out)
    assert done.returncode == 2
    assert f"{out} holds a run already. Go on with it: aigc-zoo train --resume {out}" in done.stderr
    assert bits(out) == before


def test_the_same_command_again_gives_the_same_bytes_and_another_seed_others(zoo, tiny, trained, tmp_path):
    out, _ = trained
    assert zoo("train", tiny("vae"), "-o", tmp_path / "same").returncode == 0
    assert bits(tmp_path / "same") == bits(out)
    assert zoo("train", tiny("vae"), "-o", tmp_path / "other", "--seed", "2").returncode == 0
    assert bits(tmp_path / "other")[0] != bits(out)[0]


# Stopping and going on.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("phase", ["step", "write", "log", "sample"])
def test_a_signal_finishes_the_step_and_writes_a_checkpoint(zoo, tiny, trained, tmp_path, number, phase):
    out, expected = tmp_path / "run", bits(trained[0])
    done = zoo("train", tiny("vae"), "--out", out, signal=[phase, 50 if phase != "log" else 20, number])
    assert done.hit == phase
    assert done.returncode == 130
    (line,) = re.findall(r"Stopped after step (\d+)\. Go on: aigc-zoo train --resume (.*)", done.stderr)
    assert line[1] == str(out)
    assert max(os.listdir(out / "checkpoints")) == f"step-{int(line[0]):08}"
    assert not (out / "model.safetensors").exists()
    assert zoo("train", "--resume", out).returncode == 0
    assert bits(out) == expected


def test_a_second_signal_stops_at_once(zoo, tiny, tmp_path):
    """Both come within one step: the first is remembered, the second raises where it is."""
    out = tmp_path / "run"
    done = zoo("train", tiny("vae"), "--out", out, signal=["step", 50, signal.SIGINT], twice=True)
    assert done.returncode == 130
    assert "Stopped after" not in done.stderr
    assert zoo("train", "--resume", out).returncode == 0


def test_ctrl_c_of_a_process_of_its_own(tiny, tmp_path):
    """What the others do in a fork, once as the shell does it."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "aigc_core", "train", str(tiny("vae")), "--out", str(out), "--steps", "1000000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8") as process:
        while not (out / "losses.jsonl").exists() or not (out / "losses.jsonl").stat().st_size:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert process.returncode == 130
    assert "Go on: aigc-zoo train --resume" in said
    assert "Traceback" not in said
    assert len(os.listdir(out / "checkpoints")) >= 1


def test_a_longer_budget_goes_on_where_it_ended(zoo, tiny, tmp_path):
    short, long = tmp_path / "short", tmp_path / "long"
    recipe = tiny("vae", "budget.steps=20", "schedule.steps=20", "log.every=4")
    assert zoo("train", recipe, "--out", short, "--steps", "12").returncode == 0
    first = (short / "model.safetensors").read_bytes()
    done = zoo("train", "--resume", short, "--steps", "20")
    assert done.returncode == 0, done.stderr
    assert zoo("train", recipe, "--out", long).returncode == 0
    assert (short / "model.safetensors").read_bytes() != first
    assert bits(short) == bits(long)


def test_a_finished_run_that_is_resumed_ends_as_it_was(zoo, tiny, tmp_path):
    out = tmp_path / "run"
    assert zoo("train", tiny("vae"), "--out", out).returncode == 0
    before = bits(out)
    assert zoo("train", "--resume", out).returncode == 0
    assert bits(out) == before


def test_a_resumption_with_another_learning_rate_is_refused(zoo, trained):
    out, _ = trained
    done = zoo("train", "--resume", out, "--set", "optimizers.autoencoder.learning_rate=1")
    assert done.returncode == 4
    assert "those of another recipe: optimizers differ." in done.stderr


def test_a_resumption_on_other_data_is_refused(zoo, tiny, trained, tmp_path):
    out, _ = trained
    root = Path(json.loads((out / "recipe.json").read_text())["data"]["folder"])
    data = bytearray((root / "images").read_bytes())
    data[-1] ^= 1
    (tmp_path / "images").write_bytes(data)
    done = zoo("train", "--resume", out, "--data", tmp_path)
    assert done.returncode == 4
    assert "The data are not those that the run in" in done.stderr


def test_a_resumption_from_another_folder_of_the_same_data_goes_on(zoo, tiny, tmp_path):
    out = tmp_path / "run"
    zoo("train", tiny("vae"), "--out", out, "--steps", "4")
    root = Path(json.loads((out / "recipe.json").read_text())["data"]["folder"])
    shutil.copy(root / "images", tmp_path / "images")
    done = zoo("train", "--resume", out, "--data", tmp_path, "--steps", "8")
    assert done.returncode == 0, done.stderr


def test_a_budget_of_seconds_ends_a_run_as_complete(zoo, tiny, tmp_path):
    out = tmp_path / "run"
    done = zoo("train", tiny("vae"), "--out", out, "--set", "budget.seconds=1e-9")
    assert done.returncode == 0, done.stderr
    assert (out / "model.safetensors").exists()
    record = json.loads((out / "record.json").read_text())
    assert record["steps"] < 12


def test_another_thread_count_is_told_and_goes_on(zoo, tiny, tmp_path):
    out = tmp_path / "run"
    zoo("train", tiny("vae"), "--out", out, "--steps", "4")
    done = zoo("train", "--resume", out, "--set", "compute.threads=2", "--steps", "8")
    assert done.returncode == 0, done.stderr
    assert "threads was 1, now 2" in done.stderr


# Fine-tuning.


def fine(tiny):
    return tiny("vae", "seed=9", "budget.steps=2", "log.every=1", "samples.every=0")


def first_loss(folder):
    losses = json.loads((folder / "losses.jsonl").read_text().splitlines()[0])["losses"]
    return losses["autoencoder/loss"]


def test_fine_tuning_begins_with_the_models_weights_and_says_so(zoo, tiny, trained, tmp_path):
    parent = f"{trained[0]}/"
    for name, given in (("scratch", []), ("fine", ["--from", parent])):
        done = zoo("train", fine(tiny), "--out", tmp_path / name, *given)
        assert done.returncode == 0, done.stderr
    assert first_loss(tmp_path / "fine") != first_loss(tmp_path / "scratch")
    manifest = json.loads((tmp_path / "fine" / "aigc-zoo.json").read_text())
    assert manifest["origin"]["parents"] == ["tiny-vae"]
    assert validate_model(str(tmp_path / "fine" / "aigc-zoo.json")) == []
    assert "parents" not in json.loads((tmp_path / "scratch" / "aigc-zoo.json").read_text())["origin"]


def test_fine_tuning_that_is_killed_before_its_first_checkpoint_still_begins_with_the_model(
    zoo, tiny, trained, tmp_path
):
    given = [fine(tiny), "--from", f"{trained[0]}/"]
    assert zoo("train", *given, "--out", tmp_path / "whole").returncode == 0
    assert zoo("train", *given, "--out", tmp_path / "cut", kill=["step", 1]).hit == "step"
    assert zoo("train", "--resume", tmp_path / "cut").returncode == 0
    assert bits(tmp_path / "cut") == bits(tmp_path / "whole")


@pytest.mark.parametrize("given", [["--from", "dcgan-digits"], ["--from", "gone"], ["--track", "tensorbord"]], ids=str)
def test_a_command_that_is_refused_leaves_no_run_behind(zoo, tiny, tmp_path, given):
    assert zoo("train", tiny("vae"), "--out", tmp_path / "run", *given).returncode in (2, 3)
    assert not (tmp_path / "run" / "recipe.json").exists()


@pytest.mark.slow
def test_fine_tuning_of_a_bundled_model(zoo, tiny, tmp_path):
    changes = ["networks.generator.config.width=64", "networks.generator.config.latent_dim=100", "budget.steps=1"]
    recipe = tiny("gan", *changes, "log.every=1", "samples.every=0")
    done = zoo("train", recipe, "--out", tmp_path / "run", "--from", "dcgan-digits")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "aigc-zoo.json").read_text())["origin"]["parents"] == ["dcgan-digits"]


def test_a_model_of_another_size_is_refused(zoo, tiny, tmp_path):
    done = zoo("train", tiny("gan"), "--out", tmp_path / "run", "--from", "dcgan-digits")
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
