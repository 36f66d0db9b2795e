"""``aigc-zoo ci`` over small zoos: whatever a model does is a row, and the others are judged."""

import json

import jsonschema
import pytest

from aigc_core.manifest.schema import schema

HOSTILE = {
    "crash": ("sandbox/killed", "SIGABRT, saying: about to go"),
    "hang": ("sandbox/time", "did nothing for more than 5 s"),
    "fork": ("sandbox/processes", "processes and threads"),
    "daemon": ("sandbox/daemon", "left"),
    "reach": ("sandbox/load", "PermissionError"),
    "flood": ("sandbox/flood", "output streams"),
    "grow": ("sandbox/memory", "MB of memory"),
    "link": ("sandbox/output", "symbolic link to /etc/passwd"),
    "drift": ("samples/again", "8 of 8 samples are others"),
    "batch": ("samples/alone", "levels"),
    "pretend": ("sandbox/start", "no sandbox here?[2J"),
    "hide": ("sandbox/output", "closed, a folder"),
    "constant": ("samples/varied", "All 8 samples are equal"),
}


@pytest.mark.slow
def test_whatever_a_model_does_is_a_row_and_the_others_are_judged(toy_zoo, ci, rows, failed):
    models = {f"the-{name}": name for name in HOSTILE} | {"a-good-one": "plain", "z-good-one": "plain"}
    toy_zoo(models)
    done = ci(*models, "--workers", "2", "--seconds", "5")
    found = rows(done)
    assert (done.returncode, [*found]) == (1, sorted(models))
    assert [failed(found[name]) for name in ("a-good-one", "z-good-one")] == [{}, {}]
    told = {name: failed(found[f"the-{name}"]) for name in HOSTILE}
    assert {name: told[name] for name, (check, text) in HOSTILE.items() if text not in told[name].get(check, "")} == {}
    jsonschema.validate(done.json, schema("ci"))
    assert found["the-pretend"]["state"] == "failed"  # and not refused, as it says of itself


def lies(**more):
    gate = {"metric": "core:vendi@n=8", "value": 64.0, "direction": "higher", "gate": 2.0}
    return {"scores": [gate], **more}


def numbers(found):
    return {name: (row["numbers"], [each["check"] for each in row["findings"]]) for name, row in found.items()}


@pytest.mark.slow
def test_scores_are_the_same_to_the_bit_for_any_workers_and_order(toy_zoo, ci, rows):
    """Samples are compared by their hashes, scores as they are; each run is of fresh processes and keeps nothing."""
    names = ["one", "two", "three", "lie"]
    toy_zoo({"one": "plain", "two": "batch", "three": "plain", "lie": "liar"}, **{name: lies() for name in names})
    words = ("--fresh", "--threads", "1")
    first = ci(*names, *words, "--workers", "1")
    assert [*rows(first)] == sorted(names)
    scores = [value for row in rows(first).values() for name, value in row["numbers"].items() if name[:5] == "core:"]
    assert len(scores) == 3  # of "two" none: its samples are refused
    for order, workers in ((names[::-1], "2"), (names[1:] + names[:1], "2"), (names[::-1], "1")):
        assert numbers(rows(ci(*order, *words, "--workers", workers))) == numbers(rows(first))


@pytest.mark.slow
def test_a_crash_a_hang_and_a_lie_are_three_rows_and_a_rerun_judges_nothing(toy_zoo, ci, rows, failed):
    """A lie: it claims 64 of its own samples, writes reports, patches the metrics; what counts is computed outside."""
    models = {"a": "plain", "crash": "crash", "hang": "hang", "lie": "liar", "z": "plain"}
    vendi = {"metric": "core:vendi@n=8", "value": 64.0, "direction": "higher", "gate": 64.0}
    toy_zoo(models, lie={"scores": [vendi], "budget": {"seconds": 1e9, "memory_mb": 500}})
    done = ci(*models, "--workers", "2", "--seconds", "5")
    found = rows(done)
    assert {name for name, row in found.items() if row["state"] != "passed"} == {"crash", "hang", "lie"}
    assert {"sandbox/killed"} == {*failed(found["crash"])}
    assert {"sandbox/time"} == {*failed(found["hang"])}
    assert "do not compare" in failed(found["lie"])["gate/core:vendi"]
    assert any(value < 64 for name, value in found["lie"]["numbers"].items() if name.startswith("core:vendi"))
    assert {"sandbox/output"} <= {*failed(found["lie"])} or "report.json" not in str(found["lie"])
    again = ci(*models, "--workers", "2", "--seconds", "5")
    assert all(row["kept"] for row in rows(again).values())
    assert {name: row["findings"] for name, row in rows(again).items()} == {
        name: row["findings"] for name, row in found.items()
    }


def test_one_good_model(toy_zoo, ci, rows, site):
    toy_zoo({"good": "plain"})
    done = ci("good", "--report", "report")
    assert done.returncode == 0, done.stdout
    (row,) = rows(done).values()
    checks = [each["check"] for each in row["findings"]]
    assert checks[:5] == ["model/valid", "licence/code", "licence/weights", "licence/data", "weights"]
    assert {"samples/declared", "samples/again", "samples/alone", "samples/varied"} < {*checks}
    assert row["environment"]["engine"] == "numpy"
    assert sorted(path.name for path in (site.work / "report").iterdir()) == [
        "junit.xml", "report.html", "report.json", "report.md"
    ]  # fmt: skip
    assert json.loads((site.work / "report" / "report.json").read_text())["models"] == done.json["models"]
    again = ci("good")
    assert rows(again)["good"]["kept"]
    assert rows(again)["good"]["findings"] == row["findings"]
    assert site.imported() == []  # the plugin was never imported outside, nor could it write its mark inside
