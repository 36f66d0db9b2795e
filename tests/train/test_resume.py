"""Stopping after any step and going on gives the state and the log of an unbroken run, for every recipe there is."""

from __future__ import annotations

import json
import math

import pytest
import torch

from aigc_core.train import loop as loops
from aigc_core.train.recipe import installed

STEPS = 6
CHANGES = ["budget.steps=100", "checkpoint.every=4", "log.every=3", "ema=0.9", "data.order=shuffle"]
every_recipe = pytest.mark.parametrize("name", sorted(installed()))


def state(training):
    tensors, rest = training.state()
    return {name: value.clone() for name, value in tensors.items()}, json.loads(json.dumps(rest))


def until(around, step):
    assert not around.run(lambda: around.training.step >= step)
    return around


@every_recipe
def test_stopping_after_any_step_changes_nothing(training, loop, tmp_path, name):
    (tmp_path / "whole").mkdir()
    whole = until(loop(training(name, *CHANGES), tmp_path / "whole"), STEPS)
    tensors, rest = state(whole.training)
    for stop in range(1, STEPS):
        folder = tmp_path / str(stop)
        folder.mkdir()
        until(loop(training(name, *CHANGES), folder), stop)
        again = loop(training(name, *CHANGES), folder)
        again.resume(lambda text: pytest.fail(text))
        assert again.training.step == stop
        until(again, STEPS)
        found, other = state(again.training)
        assert other == rest
        assert [key for key in tensors if not torch.equal(tensors[key], found[key])] == []
        assert (folder / "losses.jsonl").read_bytes() == (tmp_path / "whole" / "losses.jsonl").read_bytes()


def test_steps_after_the_last_checkpoint_are_taken_out_of_the_log(training, loop, tmp_path):
    around = until(loop(training("vae-digits", *CHANGES, "log.every=1")), 4)
    with open(tmp_path / "losses.jsonl", "ab") as stream:  # written after the checkpoint, the last line torn
        stream.write(b'{"step": 5, "losses": {}}\n{"step": 6, "lo')
    again = loop(training("vae-digits", *CHANGES, "log.every=1"))
    again.resume(print)
    until(again, 5)
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[-1]["losses"]
    assert around.training.step == 4


def test_the_log_holds_the_mean_of_each_window(training, loop, tmp_path):
    alone = training("vae-digits", *CHANGES)
    values = [alone.advance()["autoencoder/loss"].item() for _ in range(6)]
    until(loop(training("vae-digits", *CHANGES)), 6)
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6]
    assert [line["losses"]["autoencoder/loss"] for line in lines] == [sum(values[:3]) / 3, sum(values[3:]) / 3]


def test_a_loss_that_is_no_number_is_null_in_the_log(training, loop, tmp_path):
    made = training("vae-digits", *CHANGES)
    with torch.no_grad():
        made.networks["autoencoder"].pixels.bias.fill_(math.nan)
    until(loop(made), 3)
    (line,) = (tmp_path / "losses.jsonl").read_text().splitlines()
    assert json.loads(line, parse_constant=pytest.fail)["losses"]["autoencoder/loss"] is None


def test_seconds_and_checks_go_on_over_a_resumption(training, loop, monkeypatch):
    monkeypatch.setattr(loops, "CHECKED", (2, 5))
    first = until(loop(training("vae-digits", *CHANGES)), 3)
    again = loop(training("vae-digits", *CHANGES))
    again.resume(print)
    until(again, 6)
    assert again.record["checks"].keys() == {"2", "5"}
    assert again.record["checks"]["2"] == first.record["checks"]["2"]
    assert again.record["cpu_seconds"] >= first.record["cpu_seconds"]
