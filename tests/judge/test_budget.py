"""What a manifest asks for, as far as the judge goes: cut to its own limits, and said so."""

import json

import pytest

from aigc_core.judge.budget import as_gates_need, cut, limits
from aigc_core.judge.settings import Settings
from aigc_core.manifest.model import ModelManifest
from aigc_core.sandbox.choose import Backend

SETTINGS = Settings(Backend("bubblewrap", "", ()), most_s=100, most_mb=1000)


@pytest.fixture
def manifest(manifest_of):
    def of(**fields):
        return ModelManifest.of(manifest_of("m", "plain") | fields, "m.json")

    return of


def test_what_is_asked_for_is_given_where_the_judge_has_it(manifest):
    found = manifest(budget={"seconds": 20, "memory_mb": 500})
    given = limits(found, SETTINGS)
    assert (given.idle_s, given.cpu_s, given.memory_mb) == (20, 50, 1200)
    assert [*cut(found, SETTINGS)] == []


def test_more_is_cut_and_said(manifest):
    score = {"metric": "core:vendi@n=1000000", "gate": 1, "direction": "higher", "seeds": 400}
    found = manifest(budget={"seconds": 1e12, "memory_mb": 1e12}, scores=[score])
    given = limits(found, SETTINGS)
    assert (given.idle_s, given.cpu_s, given.memory_mb) == (100, 130, 1700)
    wider = as_gates_need(found, SETTINGS)
    assert (wider.samples, wider.seeds) == (10_000, (0, 1, 2, 3, 4))
    assert {each.check: each.text for each in cut(found, SETTINGS)} == {
        "budget/seconds": "The manifest asks for 1e+12 s, the judge gives 100 s.",
        "budget/memory_mb": "The manifest asks for 1e+12 MB, the judge gives 1000 MB.",
        "budget/samples": "The manifest asks for 1,000,000 samples, the judge gives 10,000 samples.",
        "budget/seeds": "The manifest asks for 400 seeds, the judge gives 5 seeds.",
    }


@pytest.mark.parametrize("value", [-1, 0, "x", None, True, [1], {}, float("nan"), float("inf"), 10**400])
def test_what_is_no_number_counts_as_not_stated(manifest, value):
    score = {"metric": f"core:vendi@n={'9' * 5000}", "gate": 1, "direction": "higher", "seeds": value}
    found = manifest(budget={"seconds": value, "memory_mb": value}, scores=[score])
    json.dumps(limits(found, SETTINGS))
    assert limits(found, SETTINGS).idle_s <= 100
    assert as_gates_need(found, SETTINGS).samples == 64
    assert len(as_gates_need(found, SETTINGS).seeds) <= 5
    assert limits(manifest(budget=value), SETTINGS).idle_s == 100
