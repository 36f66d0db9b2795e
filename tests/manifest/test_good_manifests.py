"""A good manifest has no problem, whoever made it, and what nothing here can judge is not judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from aigc_core.manifest.validate import validate_model, validate_plugin

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(ROOT.glob("plugins/*/src/*/zoo/models/*.json"))
PLUGINS = sorted(ROOT.glob("plugins/*/src/*/zoo/plugin.json"))


def test_good_manifests_have_no_problem(zoo):
    assert zoo.validate("model") == []
    assert zoo.validate("plugin") == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_models_have_no_problem(path):
    assert validate_model(str(path)) == []


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.parts[-5])
def test_the_shipped_plugins_have_no_problem(path):
    assert validate_plugin(str(path)) == []


def test_something_is_shipped():
    assert {path.stem for path in SHIPPED} >= {"dcgan-digits", "dcgan-fashion"}
    assert PLUGINS


def test_a_config_may_have_patterns_for_names(zoo, judge):
    schema = {"patternProperties": {"^w": {}}, "properties": {"latent_dim": {}}, "additionalProperties": False}
    zoo.write(zoo.folder / "architectures" / "toy-net.schema.json", schema)
    assert zoo.validate("model") == []
    (problem,) = judge(zoo.problems(("put", "/code/config/height", 1)))
    assert problem[:2] == ("unknown-field", "/code/config/height")


def test_a_model_of_another_plugin_is_not_judged_by_this_one(zoo):
    def change(model):
        model["code"] |= {"plugin": "other", "architecture": "else", "config": {"any": 1}}

    assert zoo.problems(change) == []
    zoo.plugin.write_text("{")
    assert zoo.problems(change) == []


def test_the_command_prints_json_and_exits_with_1_where_there_is_a_problem(zoo):
    def call():
        command = [sys.executable, "-m", "aigc_core.manifest", str(zoo.plugin), str(zoo.model)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    assert call() == (0, [])
    zoo.spoil("plugin", ("put", "/api", 0))
    zoo.spoil("model", ("put", "/family", "é"))
    code, problems = call()
    assert code == 1
    assert [(problem["path"], problem["code"]) for problem in problems] == [
        (str(zoo.plugin), "out-of-range"), (str(zoo.model), "not-allowed")]  # fmt: skip
    document = {"schema": "aigc-zoo/doctor/1", "checks": [], "problems": problems}
    path = ROOT / "aigc_core" / "manifest" / "schemas" / "doctor.schema.json"
    jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8"))).validate(document)


def test_the_package_imports_no_library():
    code = (
        "import sys, aigc_core.manifest, aigc_core.manifest.validate\n"
        "print(sorted({'jsonschema', 'referencing', 'pluggy', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
