"""``--fast``: what is used is what pays, it is measured once, and every setting that may be used trains."""

from __future__ import annotations

import copy
import json
import math

import pytest

from aigc_core.cli import outcome
from aigc_core.cli import train as verb
from aigc_core.errors import WrongUse
from aigc_core.train import fast
from aigc_core.train.ranks import Ranks
from aigc_core.train.training import Training

PAYS, LOSES = [1.5] * 7, [0.9] * 7
NOISY = [0.7, 0.8, 1.3, 1.3, 1.3, 1.4, 1.4]
"""Faster by its median, slower in its slowest quarter."""
BARELY = [1.01] * 7
IMAGES = ["fused", "bfloat16", "channels_last", "bfloat16 with channels_last"]


class Clock:
    """In the place of all measurements: the ratios of each trial, by what it changes, and seconds a step."""

    def __init__(self, ratios, seconds=1e-3):
        self.ratios, self.seconds, self.tried = ratios, seconds, []

    def compare(self, best, other):
        was, now = best.recipe["compute"], other.recipe["compute"]
        change = {name: value for name, value in now.items() if was[name] != value}
        self.tried.append((dict(was), change))
        assert best.step == other.step == 3, "the first steps are slower, and not measured"
        return self.ratios(change)


@pytest.fixture
def clock(monkeypatch):
    def call(ratios, seconds=1e-3):
        made = Clock(ratios, seconds)
        monkeypatch.setattr(fast, "_ratios", made.compare)
        monkeypatch.setattr(fast, "_seconds_a_step", lambda training: made.seconds)
        return made

    return call


@pytest.fixture
def settled(small, synthetic):
    """Settle a recipe; return it, what was measured and what was said."""

    def call(name, *changes):
        made, said = small(name, "compute.fused=false", *changes), []
        before = copy.deepcopy(made)
        measured = fast.settle(made, synthetic(made), "cpu", said.append)
        assert {**made, "compute": None} == {**before, "compute": None}
        return made, measured, said

    return call


def used(measured):
    return [name for name, each in measured["trials"].items() if each.get("used")]


def test_what_pays_is_written_into_the_recipe(clock, settled):
    clock(lambda change: PAYS if "fused" in change else LOSES)
    made, measured, said = settled("dcgan-digits")
    assert made["compute"] | {"fused": True} == made["compute"]
    assert made["compute"]["precision"] == "float32"
    assert used(measured) == ["fused"]
    assert measured["trials"]["fused"] == {"tried": True, "speed": 1.5, "quarter": 1.5, "used": True}
    assert measured["trials"]["bfloat16"]["used"] is False
    assert (measured["rounds"], measured["device"], measured["threads"]) == (7, "cpu", 1)
    assert said[:2] == ["fused: 1.50 x the steps/s, used", "bfloat16: 0.90 x the steps/s, not used"]


@pytest.mark.parametrize("ratios", [LOSES, NOISY, BARELY], ids=["slower", "noisy", "barely"])
def test_what_does_not_pay_for_certain_is_left_alone(clock, settled, ratios):
    clock(lambda change: ratios)
    made, measured, _ = settled("dcgan-digits")
    assert made["compute"] == {**made["compute"], "precision": "float32", "fused": False, "channels_last": False}
    assert used(measured) == []
    assert [name for name, each in measured["trials"].items() if each["tried"]] == IMAGES


def test_each_is_tried_on_top_of_what_has_paid_and_none_twice(clock, settled):
    made = clock(lambda change: PAYS)
    recipe, measured, _ = settled("dcgan-digits")
    assert [change for _, change in made.tried] == [{"fused": True}, {"precision": "bfloat16"}, {"channels_last": True}]
    assert [base["fused"] for base, _ in made.tried] == [False, True, True]
    assert used(measured) == IMAGES[:3]
    assert recipe["compute"] | fast.TRIALS["bfloat16 with channels_last"] == recipe["compute"]


def test_what_pays_only_together_is_found(clock, settled):
    clock(lambda change: PAYS if len(change) == 2 else LOSES)
    made, measured, _ = settled("dcgan-digits")
    assert used(measured) == ["bfloat16 with channels_last"]
    assert made["compute"] | {"precision": "bfloat16", "channels_last": True} == made["compute"]


def test_networks_without_kernels_are_not_tried_in_another_memory_format(clock, settled):
    made = clock(lambda change: LOSES)
    settled("char-shakespeare")
    assert [change for _, change in made.tried] == [{"fused": True}, {"precision": "bfloat16"}]


def test_compiling_is_tried_where_its_warm_up_can_come_back(clock, settled, monkeypatch):
    made = clock(lambda change: LOSES, seconds=601 / 2000)
    monkeypatch.setattr("torch.nn.Module.compile", lambda self, **how: None)
    monkeypatch.setattr(Training, "advance", lambda self: setattr(self, "step", self.step + 1))
    settled("char-shakespeare", "budget.steps=2000")
    assert {"compile": True} in [change for _, change in made.tried]
    made = clock(lambda change: LOSES, seconds=599 / 2000)
    _, measured, said = settled("char-shakespeare", "budget.steps=2000")
    assert {"compile": True} not in [change for _, change in made.tried]
    assert measured["trials"]["compile"] == {"tried": False, "because": "the run takes 599 s, under 600 s"}
    assert said[-1] == "compile: not tried, the run takes 599 s, under 600 s"


def test_the_ratio_is_the_speed_of_the_other_over_the_best(monkeypatch):
    """The one place where a division could be the wrong way round."""
    taken = {"best": 2.0, "other": 1.0}
    monkeypatch.setattr(fast, "_seconds_a_step", taken.get)
    assert fast._ratios("best", "other") == [2.0] * fast.ROUNDS


# Through the command line.


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """Run ``aigc-zoo train`` on a tiny recipe of 3 steps; return the exit code."""
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("aigc_core.interrupt.defer", lambda: None)
    path = tiny("vae", "budget.steps=3", "checkpoint.every=0", "samples.every=0", "log.every=3", "compute.fused=false")
    return lambda *arguments: outcome(["train", *map(str, arguments or [path, "--fast", "--out", tmp_path / "run"])])


def test_settings_are_kept_with_the_run_and_a_resumption_measures_nothing(clock, run, tmp_path):
    made = clock(lambda change: PAYS if "fused" in change else LOSES)
    assert run() == 0
    tried = len(made.tried)
    assert tried == 2
    folder = tmp_path / "run"
    assert json.loads((folder / "recipe.json").read_text())["compute"]["fused"] is True
    record = json.loads((folder / "record.json").read_text())
    assert record["fast"]["trials"]["fused"]["used"] is True
    assert run("--resume", folder, "--set", "budget.steps=5") == 0
    assert len(made.tried) == tried
    again = json.loads((folder / "record.json").read_text())
    assert again["steps"] == 5
    assert again["fast"] == record["fast"]
    assert json.loads((folder / "recipe.json").read_text())["compute"]["fused"] is True


def test_a_resumption_with_fast_is_refused(clock, run, tmp_path, capsys):
    made = clock(lambda change: PAYS)
    assert run("--resume", tmp_path, "--fast") == 2
    assert "leave out RECIPE, --out, --from and --fast" in capsys.readouterr().err
    assert made.tried == []


def test_several_ranks_are_refused(clock, small, synthetic):
    made = clock(lambda change: PAYS)
    recipe = small("vae-digits", "compute.fused=false")
    with pytest.raises(WrongUse, match="--fast measures one process"):
        verb._settle_settings(recipe, synthetic(recipe), "cpu", Ranks(0, 2, 0), False)
    assert made.tried == []
    assert recipe["compute"]["fused"] is False


def test_without_fast_nothing_is_measured(clock, run, tiny, tmp_path):
    made = clock(lambda change: PAYS)
    assert run(tiny("vae", "budget.steps=2", "compute.fused=false"), "--out", tmp_path / "plain") == 0
    assert made.tried == []
    assert "fast" not in json.loads((tmp_path / "plain" / "record.json").read_text())


# What may be used, trains.


@pytest.mark.parametrize("name", ["dcgan-digits", "vae-digits", "char-shakespeare"])
@pytest.mark.parametrize("trial", [name for name in fast.TRIALS if name != "compile"])
def test_every_setting_trains(training, name, trial):
    changes = [f"compute.{field}={json.dumps(value)}" for field, value in fast.TRIALS[trial].items()]
    plain, made = training(name), training(name, *changes)
    for _ in range(3):
        before = {key: float(value) for key, value in plain.advance().items()}
        after = {key: float(value) for key, value in made.advance().items()}
        assert all(map(math.isfinite, after.values()))
        assert after == pytest.approx(before, rel=0.05, abs=0.05)
    assert all(
        value.dtype.is_floating_point is False or value.dtype.itemsize == 4 for value in made.state()[0].values()
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore::UserWarning:torch")  # torch's own compiler's
@pytest.mark.parametrize("name", ["dcgan-digits", "vae-digits", "char-shakespeare"])
def test_compiled_networks_train(training, name):
    plain, made = training(name), training(name, "compute.compile=true")
    for _ in range(3):
        before = {key: float(value) for key, value in plain.advance().items()}
        after = {key: float(value) for key, value in made.advance().items()}
        assert after == pytest.approx(before, rel=0.05, abs=0.05)  # its dropout draws other numbers
