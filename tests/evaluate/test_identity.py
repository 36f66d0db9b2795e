"""Scores of different ids refuse to be compared, and say what differs; equal ones compare with their doubt."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.evaluate.compare import compare, saved
from aigc_core.evaluate.gates import gated, judged
from aigc_core.evaluate.identity import Identity, check_equal, differences
from aigc_core.evaluate.score import Score, mean
from aigc_core.manifest import ModelManifest

ONE = Identity("core:frechet", "unbiased", 100, "clothes.test.100.abc", "", "features.123", "none")
OTHERS = {
    "the metric": ONE._replace(metric="core:kernel"),
    "the estimator": ONE._replace(estimator="biased"),
    "how many samples": ONE._replace(n=101),
    "the data": ONE._replace(data="clothes.test.100.abd"),
    "the training data": ONE._replace(training="clothes.500.aaa"),
    "the extractor": ONE._replace(extractor="features.124"),
    "how images are resized": ONE._replace(resize="bicubic"),
}


def score(*values, identity=ONE, direction="lower", floor=None, why=""):
    return Score(identity, mean(values), direction, dict(enumerate(values)), floor, why)


@pytest.mark.parametrize(("what", "other"), OTHERS.items(), ids=OTHERS.keys())
def test_each_part_of_an_id_keeps_scores_apart(what, other):
    assert [each.partition(" (")[0] for each in differences(ONE, other)] == [what]
    with pytest.raises(WrongUse, match=what):
        check_equal(ONE, other)


WORD = st.from_regex(r"[a-z0-9]+([.-][a-z0-9]+)*", fullmatch=True)


@given(st.builds(Identity, st.just("core:frechet"), WORD, st.integers(1, 10**6), WORD, WORD, WORD, WORD))
def test_an_id_is_read_as_it_was_written(identity):
    assert Identity.parse(str(identity)) == identity


@pytest.mark.parametrize("text", ["", "frechet", "core:frechet", "core:frechet@", "core:x@n=a", "core:x@n=1/color=red"])
def test_what_is_no_id_is_refused(text):
    with pytest.raises(WrongUse, match="no id of a score"):
        Identity.parse(text)


def test_an_id_fits_into_a_manifest():
    from jsonschema import Draft202012Validator

    from aigc_core.manifest.schema import schema

    part = schema("model")["properties"]["scores"]["items"]["properties"]["metric"]
    for identity in (ONE, *OTHERS.values()):
        assert Draft202012Validator(part).is_valid(str(identity))


@pytest.mark.parametrize(
    ("one", "other", "direction", "better"),
    [
        ((1.0, 1.1, 0.9), (5.0, 5.1, 4.9), "lower", "a"),
        ((1.0, 1.1, 0.9), (5.0, 5.1, 4.9), "higher", "b"),
        ((1.0, 3.0, 5.0), (2.0, 4.0, 6.0), "lower", ""),
        ((1.0,), (5.0,), "lower", ""),
        ((2.0, 2.0), (2.0, 2.0), "lower", ""),
        ((2.0, 2.0), (3.0, 3.0), "lower", "a"),
        ((None, 1.0), (5.0, 5.1), "lower", ""),
    ],
)
def test_a_verdict_needs_more_than_the_seeds_differ_by(one, other, direction, better):
    (found,) = compare("a", [score(*one, direction=direction)], "b", [score(*other, direction=direction)])
    assert found.better == better
    assert (f"{better} is better" in found.says) if better else ("no verdict" in found.says)


def of_items(value, error):
    """Return a likelihood as it is measured once, with its error over held-out items."""
    identity = ONE._replace(metric="core:likelihood.nats")
    return Score(identity, value, "lower", {0: value}, None, "", {"errors": {"nats": error, "bits-per-dimension": 1}})


@pytest.mark.parametrize(("one", "other", "better"), [((90, 1), (94, 1), "a"), ((90, 3), (94, 3), "")])
def test_likelihoods_are_compared_by_their_errors_over_items(one, other, better):
    (found,) = compare("a", [of_items(*one)], "b", [of_items(*other)])
    half = 1.959964 * math.hypot(one[1], other[1])
    assert found.interval == pytest.approx((-4 - half, -4 + half))
    assert (found.better, found.over) == (better, "items")
    assert "95 % over items" in found.says


def test_the_interval_of_a_difference_is_scipys():
    import scipy.stats

    one, other = (1.0, 2.0, 4.0, 4.5), (3.0, 3.3, 7.0)
    (found,) = compare("a", [score(*one)], "b", [score(*other)])
    theirs = scipy.stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    # Ours rounds the degrees of freedom down, to the side of doubt.
    assert found.interval[0] <= theirs.low
    assert found.interval[1] >= theirs.high
    assert found.interval == pytest.approx((theirs.low, theirs.high), rel=0.15)


def test_nothing_in_common_does_not_compare():
    with pytest.raises(WrongUse, match="no metric in common"):
        compare("a", [score(1.0)], "b", [score(1.0, identity=OTHERS["the metric"])])


def test_a_score_without_a_value_in_one_seed_has_none():
    found = score(1.0, None, 3.0, why="constant")
    assert (found.value, found.spread, found.interval) == (None, None, None)


def test_spread_and_interval_are_over_seeds():
    found = score(1.0, 2.0, 3.0)
    assert (found.value, found.spread) == (2.0, 1.0)
    assert found.interval == pytest.approx((2 - 4.303 / math.sqrt(3), 2 + 4.303 / math.sqrt(3)), rel=1e-3)


def test_facts_come_back():
    found = score(1.0, 2.0, floor=0.5)
    assert Score.of_facts(json.loads(json.dumps(found.facts()))) == found


def test_a_file_that_is_no_result_is_refused(tmp_path):
    path = tmp_path / "a.json"
    for text in ("", "{}", '{"schema": "aigc-zoo/eval/1"}'):
        path.write_text(text)
        with pytest.raises(NotAvailable):
            saved(str(path))
    path.write_text(json.dumps({"schema": "aigc-zoo/eval/1", "models": [], "compared": [], "gates": []}))
    with pytest.raises(WrongUse, match="0 models"):
        saved(str(path))


def manifest(**entry):
    document = {"metric": str(ONE), "value": 2.0, "direction": "lower", **entry}
    return ModelManifest("m", *["x"] * 5, {}, 1, {}, {}, {}, (), "bundled", "", "", (), "", {"scores": [document]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "measured", "status", "says"),
    [
        ({"gate": 3}, score(2.0), "passed", ""),
        ({"gate": 2}, score(2.0), "passed", ""),
        ({"gate": 1.9}, score(2.0), "failed", "gate is at most 1.9"),
        ({"gate": 3, "direction": "higher"}, score(2.0), "failed", "gate is at least 3"),
        ({"gate": 1, "direction": "higher"}, score(2.0), "passed", ""),
        ({"gate": 3}, score(None, why="it is constant"), "failed", "has no value: it is constant"),
        ({"gate": 3}, score(2.0, identity=OTHERS["how many samples"]), "failed", "do not compare"),
        ({"gate": 3}, score(2.0, identity=OTHERS["the metric"]), "skipped", "was not measured"),
    ],
)
def test_gates(entry, measured, status, says):
    (found,) = judged(manifest(**entry), [measured])
    assert (found.status, found.check, found.subject) == (status, "gate/core:frechet", "m")
    assert says in found.text
    assert bool(found.hint) == (status != "passed")


def test_a_score_without_a_gate_is_none():
    assert judged(manifest(), [score(9.0)]) == []
    assert gated(manifest()) == []
    assert gated(manifest(gate=1)) == ["core:frechet"]
