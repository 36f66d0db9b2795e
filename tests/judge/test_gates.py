"""Gates: each is measured out here, or told why not; none is passed over in silence."""

import json

import numpy as np
import pytest

from aigc_core.interfaces import Samples
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.metrics import gates
from aigc_core.judge.settings import Settings
from aigc_core.manifest.model import ModelManifest
from aigc_core.registry import Entry
from aigc_core.sandbox.choose import Backend

SETTINGS = Settings(Backend("bubblewrap", "", ()))
TEXTS = Samples("text", np.array(["a b c d", "a b e f"], object), (0.0, 0.0))


@pytest.fixture
def found(tmp_path, manifest_of):
    """Return the findings of gates, by check, of two texts."""

    def of(*scores, samples=None, settings=SETTINGS):
        document = manifest_of("m", "plain") | {"scores": [*scores]}
        document["use"]["output"] = {"kind": "text"}
        path = tmp_path / "m.json"
        path.write_text(json.dumps(document))
        manifest = ModelManifest.of(document, "m.json")
        candidate = Candidate(Entry("m", str(path), str(tmp_path), manifest, None, "plugin toy", "ready"))
        findings, numbers = gates(candidate, settings, {0: TEXTS} if samples is None else samples)
        return {each.check: (each.status, each.text, each.hint) for each in findings}, numbers

    return of


def gate(metric, bar=0.5, direction="higher"):
    return {"metric": metric, "gate": bar, "direction": direction}


def test_one_that_is_measured_is_held_to_its_gate(found):
    _, numbers = found(gate("core:distinct.ratio-2@n=2"))
    ids = [name for name in numbers if name.startswith("core:distinct")]
    assert ids
    low, high = (found(gate(ids[0], bar))[0] for bar in (0.0, 99.0))
    check = f"gate/{ids[0].partition('@')[0]}"
    assert (low[check][0], high[check][0]) == ("passed", "failed")


@pytest.mark.parametrize("name", ["perplexity", "bits-per-byte", "likelihood"])
def test_a_likelihood_is_skipped_and_says_that_it_is_the_models_own_word(found, name):
    findings, _ = found(gate(f"core:{name}@n=2"), gate("core:distinct.ratio-2@n=2"))
    status, text, hint = findings[f"gate/core:{name}"]
    assert status == "skipped"
    assert "takes its word" in text
    assert f"eval m --metric core:{name}" in hint


def test_what_a_run_costs_is_skipped_with_the_reason(found):
    status, text, _ = found(gate("core:cost.images-per-second@n=2"))[0]["gate/core:cost.images-per-second"]
    assert (status, "inside a sandbox" in text) == ("skipped", True)


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (gate("core:nothing@n=2"), "has no metric nothing"),
        (gate("core:distinct.nothing@n=2"), "was not measured"),
        (gate("core:distinct@n=2", "0.5"), "no number can be held to it"),
        (gate("core:distinct@n=2", True), "no number can be held to it"),
        (gate("core:distinct@n=2", float("inf"), "lower"), "no number can be held to it"),
        (gate("core:distinct@n=2", float("nan")), "no number can be held to it"),
        (gate("core:distinct@n=2", 0.5, "up"), "no number can be held to it"),
        ({"metric": "core:distinct@n=2", "gate": 1}, "no number can be held to it"),
        (gate("quality"), "no id of a score"),
        (gate("quality\x1b[2J"), "no id of a score"),
        (gate("core:distinct"), "no id of a score"),
        (gate("toy:own@n=2"), "code of the plugin toy, which would run outside"),
        (gate("core:mauve@n=2"), ""),
    ],
)
def test_one_that_nobody_can_measure_is_a_failure(found, score, text):
    findings, _ = found(score)
    failed = [found_text for status, found_text, _ in findings.values() if status == "failed"]
    assert any(text in each for each in failed), findings
    assert all(check.isprintable() for check in findings)


def test_where_data_are_missing_the_others_are_measured(found):
    findings, numbers = found(gate("core:memorised-texts.share@n=2"), gate("core:distinct@n=2"))
    assert "does not say which data" in findings["gate/core:memorised-texts.share"][1]
    assert any(name.startswith("core:distinct") for name in numbers)


def test_where_there_are_no_samples_it_is_told(found):
    findings, _ = found(gate("core:distinct@n=2"), samples={})
    assert "makes no samples" in findings["gate/core:distinct"][1]


def test_where_there_is_no_gate_it_is_skipped(found):
    assert [status for status, *_ in found()[0].values()] == ["skipped"]
