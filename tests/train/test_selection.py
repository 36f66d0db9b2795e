"""The model that validation chose: kept beside the last one, runnable, and never called what it is not."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from aigc_core.errors import WrongUse
from aigc_core.run.load import load
from aigc_core.train import selection
from aigc_core.train.plan import plan
from aigc_core.train.training import Training

TERM = "autoencoder/loss"
CHANGES = [
    *("budget.steps=12", "schedule.steps=12", "evaluate.every=2", "checkpoint.every=4", "log.every=2"),
    *(f"evaluate.best={TERM}", "dtype=float32"),
]


@pytest.fixture
def make(small, synthetic):
    """Build a training of vae-digits with four rows held out."""

    def call(*changes, validation=True):
        made = small("vae-digits", *CHANGES, *changes)
        data = synthetic(made)
        return Training(made, data._replace(validation=synthetic(made, rows=4).train) if validation else data)

    return call


@pytest.fixture
def says(monkeypatch):
    """Make validation say these losses, one after another, whatever the model is."""

    def call(*values):
        left = iter(values)
        monkeypatch.setattr(selection, "evaluate", lambda *given: {f"validation/{TERM}": next(left)})

    return call


def validations(folder):
    lines = [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]
    return {line["step"]: found for line in lines if (found := line["losses"].get(f"validation/{TERM}")) is not None}


def origin(folder):
    return json.loads((folder / "aigc-zoo.json").read_text())["origin"]


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_best_is_the_model_of_the_lowest_validation_loss_and_runs(make, loop, tmp_path):
    around = loop(make("optimizers.autoencoder.learning_rate=0.05"))
    assert around.run()
    seen = validations(tmp_path)
    step = min(seen, key=seen.get)
    said = origin(tmp_path / "best")
    assert said["selection"] == {"by": f"validation {TERM}", "value": round(seen[step], 6), "step": step}
    assert said["steps"] == step
    assert {"torch", "threads", "instructions", "seed", "recipe", "data"} <= said.keys()
    found = load(str(tmp_path / "best")).generate(3, seed=5)
    assert found.values.shape == (3, 1, 28, 28)
    assert json.loads((tmp_path / "record.json").read_text())["selection"] == said["selection"]


def test_the_last_model_is_that_of_the_last_step_and_names_no_selection(make, loop, says, tmp_path):
    says(3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0)
    loop(made := make()).run()
    assert origin(tmp_path)["steps"] == 12
    assert "selection" not in origin(tmp_path)
    assert origin(tmp_path / "best")["selection"]["step"] == 4
    last, best = weights(tmp_path), weights(tmp_path / "best")
    assert all(torch.equal(value, last[name]) for name, value in made.model.state_dict().items())
    assert not torch.equal(last["pixels.weight"], best["pixels.weight"])


@pytest.mark.parametrize(
    ("losses", "steps"),
    [
        ((3.0, 2.0, 1.0), [2, 4, 6]),
        ((1.0, 2.0, 3.0), [2]),
        ((2.0, 3.0, 1.0), [2, 6]),
        ((2.0, 2.0, 2.0), [2]),
        ((1.00000049, 1.00000049, 1.0000004), [2]),  # equal as it is written down
        ((float("nan"), 5.0, float("nan")), [4]),
        ((float("inf"), float("nan"), 5.0), [6]),
        ((float("nan"),) * 3, []),
    ],
    ids=str,
)
def test_a_lower_loss_replaces_and_no_other_does(make, loop, says, tmp_path, monkeypatch, losses, steps):
    says(*losses)
    written = []
    monkeypatch.setattr(selection, "export", lambda *given: written.append(given[4]["selection"]["step"]))
    training = make()
    around = loop(training)
    assert not around.run(lambda: training.step >= 6)
    assert written == steps


@pytest.mark.parametrize("stop", [1, 3, 4, 5, 8, 11])
def test_a_run_that_was_stopped_has_the_same_best(make, loop, tmp_path, stop):
    changes = ["optimizers.autoencoder.learning_rate=0.05", "ema=0.5"]
    for name in ("whole", "parted"):
        (tmp_path / name).mkdir()
    assert loop(make(*changes), tmp_path / "whole").run()
    first = make(*changes)
    loop(first, tmp_path / "parted").run(lambda: first.step >= stop)
    again = loop(make(*changes), tmp_path / "parted")
    again.resume(lambda text: pytest.fail(text))
    assert again.run()
    one, other = (origin(tmp_path / name / "best")["selection"] for name in ("whole", "parted"))
    assert one == other
    files = [(tmp_path / name / "best" / "model.safetensors").read_bytes() for name in ("whole", "parted")]
    assert files[0] == files[1]


def test_an_evaluation_after_the_last_checkpoint_is_made_again(make, loop, tmp_path):
    """What a killed run has chosen since is not believed: it may never come to that model again."""
    first = make()
    around = loop(first)
    around.save = lambda: None  # as if it were killed before it could
    around.run(lambda: first.step >= 6)
    assert origin(tmp_path / "best")["selection"]["step"] > 0
    again = loop(make())
    again.resume(print)
    assert "selection" not in again.record
    assert again.run()
    seen = validations(tmp_path)
    assert origin(tmp_path / "best")["selection"]["step"] == min(seen, key=seen.get)


def test_another_term_begins_anew(make, loop, tmp_path):
    """A KL of 1 nat is no better reconstruction than one of 500."""
    first = make()
    loop(first).run(lambda: first.step >= 4)
    second = make("evaluate.best=autoencoder/reconstruction")
    again = loop(second)
    again.resume(print)
    again.record["selection"]["value"] = -1e9
    again.run(lambda: second.step >= 6)
    assert again.record["selection"] == {
        "by": "validation autoencoder/reconstruction",
        "value": again.record["selection"]["value"],
        "step": 6,
    }
    assert again.record["selection"]["value"] > 0


def test_it_is_the_average_that_is_judged_and_kept(make, loop, tmp_path):
    made = make("ema=0.99", "optimizers.autoencoder.learning_rate=0.05", "budget.steps=2", "schedule.steps=2")
    loop(made).run()
    kept = weights(tmp_path / "best")["pixels.weight"]
    assert torch.equal(kept, made.average.network.state_dict()["pixels.weight"])
    assert not torch.equal(kept, made.networks["autoencoder"].state_dict()["pixels.weight"])
    judged = selection.evaluate(made, made.data.validation, "validation", made.copied())
    trained = selection.evaluate(made, made.data.validation, "validation")
    assert validations(tmp_path)[2] == pytest.approx(judged[f"validation/{TERM}"])
    assert abs(trained[f"validation/{TERM}"] - judged[f"validation/{TERM}"]) > 1


def test_what_trains_is_not_changed_by_being_judged(make, loop, tmp_path):
    states = []
    for name, best in (("judged", TERM), ("not", "null")):
        (tmp_path / name).mkdir()
        made = make(f"evaluate.best={best}", "data.binarise=dynamic")
        loop(made, tmp_path / name).run()
        states.append(made.state()[0])
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not (tmp_path / "not" / "best").exists()


def test_a_term_that_the_trainer_has_not_is_refused_before_the_first_step(make):
    made = make("evaluate.best=autoencoder/los")
    with pytest.raises(WrongUse, match=r"evaluate\.best in the recipe is autoencoder/los; .*autoencoder/kl") as error:
        plan(made.recipe, made.data)
    assert str(error.value).endswith("Did you mean autoencoder/loss?")


def test_without_rows_to_validate_on_nothing_can_be_chosen(make):
    made = make(validation=False)
    with pytest.raises(WrongUse, match=r"the data have no validation rows") as error:
        plan(made.recipe, made.data)
    assert "data.split" in error.value.hint
    quiet = make("evaluate.every=0", validation=False)  # nothing is evaluated, so nothing is chosen
    plan(quiet.recipe, quiet.data)


@pytest.mark.parametrize("term", ["loss", "autoencoder/", "a/b/c", "autoencoder/loss\n", 3])
def test_what_is_no_term_is_refused_by_the_schema(small, term):
    with pytest.raises(WrongUse, match=r"evaluate\.best|best"):
        small("vae-digits", f"evaluate.best={json.dumps(term)}")


def test_saboteur_a_selection_that_keeps_every_model_is_found(make, loop, says, tmp_path, monkeypatch):
    real = selection.validated

    def forgetful(training, record, folder):
        record.pop("selection", None)
        return real(training, record, folder)

    monkeypatch.setattr("aigc_core.train.loop.validated", forgetful)
    with pytest.raises(AssertionError):
        test_the_last_model_is_that_of_the_last_step_and_names_no_selection(make, loop, says, tmp_path)
