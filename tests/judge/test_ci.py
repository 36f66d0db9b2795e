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
