"""What a trainer shows beside its losses: told at each log, harmless to the bit, a warning where it fails."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_core.errors import CheckFailed
from aigc_core.interfaces import Trainer
from aigc_core.train.diagnostics import BINS, diagnosed, histogram
from aigc_core.train.weights_hash import weights_sha256


def showing(what):
    """Return a change of a trainer's class: one whose diagnostics are ``what(self, batch, noise)``."""

    def change(kind):
        return type(kind.__name__, (kind,), {"diagnostics": what, "__module__": kind.__module__})

    return change


SILENT = showing(Trainer.diagnostics)


def careless(self, batch, noise):
    """Do to every state what a trainer may do by mistake."""
    random.random(), np.random.rand(), torch.rand(3)
    torch.manual_seed(1)
    self.taken = 10**6
    for network in self.networks.values():
        network.train(not network.training)
        for buffer in network.buffers():
            buffer.add_(1)
    with torch.enable_grad():
        logits = self.networks["discriminator"](batch["images"].requires_grad_())
        gradient = torch.autograd.grad(logits.sum(), batch["images"])[0]
    self.networks["generator"].train()(noise["latent"].repeat(2, 1))
    return {"real": logits.flatten(), "gradient": gradient.norm(), "none": torch.tensor(float("nan"))}


def trained(training, loop, folder, steps=5):
    folder.mkdir(exist_ok=True)
    made = training("dcgan-digits", f"budget.steps={steps}", "log.every=2")
    around = loop(made, folder)
    around.start()
    assert around.run()
    return made, around


def told(around):
    return [event for event in around.heard if event["kind"] == "train-diagnostics"]


def test_a_training_with_it_is_equal_to_the_bit(training, loop, in_place_of, tmp_path):
    in_place_of("trainers", SILENT)
    plain, quiet = trained(training, loop, tmp_path / "a")
    in_place_of("trainers", showing(careless))
    shown, loud = trained(training, loop, tmp_path / "b")
    assert not told(quiet)
    assert [event["step"] for event in told(loud)] == [2, 4, 5]
    for role, network in plain.networks.items():
        assert weights_sha256(network) == weights_sha256(shown.networks[role])
    one, other = plain.state()[0], shown.state()[0]
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (tmp_path / "a" / "losses.jsonl").read_bytes() == (tmp_path / "b" / "losses.jsonl").read_bytes()
    assert not loud.watch.said


def test_the_saboteur_would_be_seen(training, loop, in_place_of, tmp_path, monkeypatch):
    """The same carelessness without what restores it changes the weights: so the test above sees it."""
    import contextlib

    from aigc_core.train import diagnostics

    in_place_of("trainers", SILENT)
    plain, _ = trained(training, loop, tmp_path / "a")
    monkeypatch.setattr(diagnostics, "untouched", lambda training: contextlib.nullcontext())
    in_place_of("trainers", showing(careless))
    shown, _ = trained(training, loop, tmp_path / "b")
    assert weights_sha256(plain.networks["generator"]) != weights_sha256(shown.networks["generator"])


def test_what_is_told_is_what_was_shown(training, loop, in_place_of, tmp_path):
    seen = []

    def show(self, batch, noise):
        assert not torch.is_grad_enabled()
        seen.append((len(batch["images"]), len(noise["latent"]), self.taken))
        return {"a/b": torch.tensor(0.5, dtype=torch.bfloat16), "n": torch.arange(9), "nan": torch.tensor(float("nan"))}

    in_place_of("trainers", showing(show))
    _, around = trained(training, loop, tmp_path)
    event = told(around)[0]
    assert event["run"] == str(tmp_path)
    assert event["values"].keys() == {"a/b", "nan"}
    assert event["values"]["a/b"] == 0.5
    assert np.isnan(event["values"]["nan"])
    assert event["histograms"]["n"]["edges"][:: BINS // 2] == [0.0, 4.0, 8.0]
    assert sum(event["histograms"]["n"]["counts"]) == 9
    assert seen == [(4, 4, 2), (4, 4, 4), (4, 4, 5)]
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    (line, *_) = [line for line in lines if line["kind"] == "train-diagnostics"]
    assert line["values"] == {"a/b": 0.5, "nan": None}, "what JSON can hold"


@pytest.mark.parametrize(
    ("show", "cause"),
    [
        (lambda self, batch, noise: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda self, batch, noise: batch["labels_"], "KeyError: 'labels_'"),
        (lambda self, batch, noise: None, "TypeError: diagnostics returned no map of tensors"),
        (lambda self, batch, noise: {"a": 1.0}, "TypeError: diagnostics returned no map of tensors"),
        (lambda self, batch, noise: {"a": torch.zeros(2, 2)}, "TypeError: a has shape [2, 2], and is to be"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_that_fails_is_a_warning_and_not_the_end(training, loop, in_place_of, tmp_path, show, cause):
    plain, _ = trained(training, loop, tmp_path / "a", steps=4)
    in_place_of("trainers", showing(show))
    made, around = trained(training, loop, tmp_path / "b", steps=4)
    assert len(around.watch.said) == 1, "said once, not at every log"
    assert f"The diagnostics of AdversarialTrainer failed at step 2: {cause}" in around.watch.said[0]
    assert not told(around)
    assert weights_sha256(plain.model) == weights_sha256(made.model)


def test_strict_stops_at_it(training, loop, in_place_of, tmp_path):
    in_place_of("trainers", showing(lambda self, batch, noise: 1 / 0))
    around = loop(training("dcgan-digits", "budget.steps=4", "log.every=2"), tmp_path, strict=True)
    around.start()
    with pytest.raises(CheckFailed, match="The diagnostics of AdversarialTrainer failed"):
        around.run()


def test_control_c_is_no_failure_of_it(training, loop, in_place_of, tmp_path):
    def interrupted(self, batch, noise):
        raise KeyboardInterrupt

    in_place_of("trainers", showing(interrupted))
    with pytest.raises(KeyboardInterrupt):
        trained(training, loop, tmp_path)


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_histogram_counts_every_number_once(numbers):
    sample = np.array(numbers)
    found = histogram(sample)
    assert sum(found["counts"]) == len(numbers)
    assert len(found["edges"]) == BINS + 1
    assert found["edges"] == sorted(found["edges"])
    assert found["edges"][0] <= sample.min() <= sample.max() <= found["edges"][-1]


def test_a_histogram_against_numpys():
    sample = np.random.default_rng(0).standard_normal(5000)
    counts, edges = np.histogram(sample, BINS)
    assert histogram(sample)["counts"] == counts.tolist()
    assert np.allclose(histogram(sample)["edges"], edges)


def test_what_is_not_finite_is_in_no_histogram():
    found = diagnosed({"a": torch.tensor([1.0, float("nan"), 2.0, float("inf")]), "b": torch.tensor([float("nan")])})
    assert sum(found.histograms["a"]["counts"]) == 2
    assert found.histograms.keys() == {"a"}
