"""``aigc-zoo check``: each fault that can be seen without running anything is said, and mended where it can be."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from aigc_core.check import check_static
from aigc_core.check.codes import CODES
from aigc_core.check.fix import mend
from aigc_core.check.layout import WIDTH, ordered, written
from aigc_core.errors import WrongUse
from aigc_core.manifest import converters
from aigc_core.manifest.problems import CODES as MANIFEST_CODES
from aigc_core.manifest.schema import schema
from aigc_core.scaffold.asked import Asked
from aigc_core.scaffold.write import write

ROOT = Path(__file__).parents[2]
PACKAGE = "src/aigc_plaid"
MODEL, PLUGIN = f"{PACKAGE}/zoo/models/plaid.json", f"{PACKAGE}/zoo/plugin.json"
RECIPE, WEIGHTS = f"{PACKAGE}/zoo/recipes/plaid.json", f"{PACKAGE}/zoo/weights/plaid.safetensors"
GOLDEN = f"{PACKAGE}/zoo/golden/plaid-0.safetensors"
DTYPE, NOWHERE = "model/wrong-dtype", "project/unknown-module"

FAULTS = {
    "a module that is not there": (PLUGIN, ("plaid.model:Net", "plaid.modle:Net"), "plugin/unknown-module", True),
    "a name that is not there": (PLUGIN, ("model:Discriminator", "model:Discriminatro"), "plugin/unknown-name", True),
    "another name": (PLUGIN, ('"name": "plaid"', '"name": "tartan"'), "project/wrong-name", False),
    "no Python": (f"{PACKAGE}/model.py", ("class Network(", "class Network(("), "plugin/source-syntax", False),
    "no entry point": ("pyproject.toml", ('entry-points."aigc_zoo"', "scripts"), "project/no-entry-point", False),
    "an entry point to nowhere": (
        "pyproject.toml",
        ('"aigc_plaid"\n\n', '"plaid"\n\n'),
        "project/unknown-module",
        False,
    ),
    "no TOML": ("pyproject.toml", ("[project]", "[project"), "project/toml-syntax", False),
    "a misspelt field": (MODEL, ('"capabilities"', '"capabilites"'), "model/unknown-field", True),
    "a misspelt value": (MODEL, ('"interpolate"', '"interpolat"'), "model/not-allowed", True),
    "twice the same": (MODEL, ('["generate", ', '["generate", "generate", '), "model/duplicate-entry", True),
    "a wrong hash": (MODEL, ('"sha256": "', '"sha256": "0'), "model/bad-form", False),
    "a wrong size": (MODEL, ('"size": 1', '"size": 2'), "model/wrong-size", True),
    "no size": (MODEL, ('"size": 17176,\n        ', ""), "model/missing-field", True),
    "another id": (MODEL, ('"id": "plaid"', '"id": "tartan"'), "model/wrong-name", True),
    "no such architecture": (MODEL, ("small-28", "smal-28"), "model/unknown-architecture", True),
    "another type of number": (
        MODEL,
        ('"dtype": "float32"\n      }', '"dtype": "float16"\n      }'),
        DTYPE,
        True,
    ),
    "no such trainer": (RECIPE, ("gan:adversarial", "gan:adversarail"), "recipe/unknown-component", True),
    "no such network of its own": (RECIPE, ("plaid:small-28", "plaid:small"), "recipe/unknown-component", True),
    "a recipe of another name": (RECIPE, ('"name": "plaid"', '"name": "tartan"'), "recipe/wrong-name", True),
    "a recipe with a misspelt field": (RECIPE, ('"budget"', '"buget"'), "recipe/unknown-field", True),
    "no JSON": (MODEL, ('"schema": 1,', '"schema": 1'), "model/json-syntax", False),
}
"""What is wrong, in which file, the change that makes it, the finding that says so, and whether it can be mended."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "aigc-plaid"
    write(Asked("plaid", "gan", "Apache-2.0", "Ada Lovelace"), str(folder))
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, tmp_path / "aigc-plaid"))


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new), encoding="utf-8")


def failed(project):
    return [finding for finding in check_static(str(project)) if finding.status == "failed"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_mended_where_it_can_be(project, name):
    file, replacement, check, can_be_mended = FAULTS[name]
    if file == "pyproject.toml" and sys.version_info < (3, 11):
        pytest.skip("Python 3.10 reads no TOML")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    change(project / file, *replacement)
    found = failed(project)
    assert check in [finding.check for finding in found], found
    for finding in found:
        assert finding.text.endswith("."), finding
        assert finding.hint, finding
        assert finding.details["path"].startswith("aigc-plaid/")
        assert finding.details["line"] >= 1
    told = mend(str(project))
    assert bool(told) == can_be_mended
    if can_be_mended:
        assert not failed(project)
        after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
        assert after == before, told


def test_every_code_is_made_by_a_test_or_cannot_be_here(made):
    codes = {check.partition("/")[2] for _, _, check, _ in FAULTS.values()}
    assert codes <= {*CODES, *MANIFEST_CODES}
    assert set(CODES) - codes == {"bad-tensors", "no-plugin-json"}


def test_weights_that_are_others_are_measured_again(project):
    data = bytearray((project / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (project / WEIGHTS).write_bytes(data)
    assert [finding.check for finding in failed(project)] == ["model/wrong-hash"]
    assert mend(str(project))
    assert not failed(project)


def test_weights_that_are_no_tensors_are_said_to_be_so(project):
    (project / WEIGHTS).write_bytes(b"\x80\x04pickle")
    mend(str(project))
    assert [finding.check for finding in failed(project)] == ["model/bad-tensors"]


def test_a_golden_output_that_was_changed_is_found_and_left_alone(project):
    data = (project / GOLDEN).read_bytes()
    (project / GOLDEN).write_bytes(data + b" ")
    assert [finding.check for finding in failed(project)] == ["model/wrong-hash"]
    assert not mend(str(project))


def test_a_package_without_plugin_json_is_found(project):
    (project / PLUGIN).unlink()
    with pytest.raises(WrongUse, match="neither a plugin nor manifests"):
        check_static(str(project))
    if sys.version_info >= (3, 11):
        assert [f.check for f in failed(project / "pyproject.toml")] == ["project/no-plugin-json"]


@pytest.mark.parametrize("where", [".", "src", PACKAGE, f"{PACKAGE}/zoo", MODEL, PLUGIN, RECIPE, "pyproject.toml"])
def test_any_part_of_a_project_can_be_named(project, where):
    findings = check_static(str(project / where))
    assert findings
    assert {finding.status for finding in findings} == {"passed"}


@pytest.mark.parametrize("plugin", ["aigc-gan", "aigc-vae", "aigc-text"])
def test_the_first_party_plugins_have_nothing_wrong(plugin):
    assert not failed(ROOT / "plugins" / plugin)


def test_the_registry_has_nothing_wrong():
    findings = check_static(str(ROOT / "registry"))
    assert len(findings) > 10
    assert {finding.status for finding in findings} == {"passed"}


def test_nothing_of_a_plugin_is_imported(project):
    (project / PACKAGE / "__init__.py").write_text("raise SystemExit('imported')\n")
    code = (
        "import sys\nfrom aigc_core.cli import outcome\ncode = outcome(['check', 'aigc-plaid'])\n"
        "heavy = {'torch', 'numpy', 'safetensors', 'aigc_plaid', 'huggingface_hub'} & set(sys.modules)\n"
        "print(code, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "4 files checked: nothing wrong.\n0 set()\n"


def test_a_field_that_is_there_twice_is_nobodys_to_choose(project):
    change(project / MODEL, '"size": 1', '"sise": 1')
    change(project / MODEL, '"summary": ', '"summary": "Another one.",\n  "summary": ')
    before = (project / MODEL).read_bytes()
    assert {finding.check for finding in failed(project)} >= {"model/duplicate-key", "model/unknown-field"}
    assert not mend(str(project))
    assert (project / MODEL).read_bytes() == before


def test_options_for_an_architecture_that_is_not_there_are_called_as_the_near_one(project):
    folder = project / PACKAGE / "zoo" / "options"
    folder.mkdir()
    (folder / "all.json").write_text('{"type": "object", "additionalProperties": false, "properties": {}}')
    change(project / PLUGIN, '"claims"', '"options": {"smal-28": "all"}, "claims"')
    assert [finding.check for finding in failed(project)] == ["plugin/unknown-architecture"]
    assert mend(str(project))
    assert json.loads((project / PLUGIN).read_text())["options"] == {"small-28": "all"}
    assert not failed(project)


def test_a_path_that_leads_out_is_not_measured(project):
    change(project / MODEL, '"path": "weights/plaid.safetensors"', '"path": "../../../../secret"')
    change(project / MODEL, '"size": 17176,\n        ', "")
    (project.parent / "secret").write_text("123")
    mend(str(project))
    assert '"size"' not in (project / MODEL).read_text()


def test_more_faults_than_can_be_counted_on_two_hands_are_mended_at_once(project):
    document = json.loads((project / MODEL).read_text())
    document["capabilities"] = ["interpolate", *["generate"] * 40]
    (project / MODEL).write_text(json.dumps(document))
    assert len(mend(str(project))) >= 39
    assert not failed(project)


@pytest.mark.parametrize("left", [0, 300])
def test_a_disk_that_fills_up_while_it_mends_leaves_the_file_whole(project, left):
    change(project / MODEL, '"capabilities"', '"capabilites"')
    before = (project / MODEL).read_bytes()
    code = (
        "import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({left}, {left}))\n"
        "from aigc_core.cli import outcome\nsys.exit(outcome(['check', 'aigc-plaid', '--fix']))"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert (project / MODEL).read_bytes() == before
    assert [path.name for path in (project / MODEL).parent.iterdir()] == ["plaid.json"]


@pytest.mark.parametrize(
    "text", ["project = []", '[project]\nentry-points = "x"', '[project.entry-points]\naigc_zoo = "x"', "\udc80"]
)
def test_a_project_file_may_be_anything(project, text):
    if sys.version_info < (3, 11):
        pytest.skip("Python 3.10 reads no TOML")
    (project / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    assert [finding.check.partition("/")[0] for finding in failed(project)] == ["project"]


@pytest.mark.parametrize("source", ["(" * 150 + ")" * 150, "x = " + "-" * 20_000 + "1", "\0", "x = '\\d'\n"])
def test_a_module_may_be_anything(project, source):
    (project / PACKAGE / "data.py").write_text(source)
    assert {finding.check for finding in failed(project)} <= {"plugin/source-syntax", "plugin/unknown-name"}
    assert failed(project)


def test_the_command_exits_with_1_prints_what_its_schema_says_and_mends(project, site):
    change(project / MODEL, '"capabilities"', '"capabilites"')
    done = site.zoo("check", str(project), "--json")
    assert done.returncode == 1
    jsonschema.validate(done.json, schema("check"))
    assert [row["check"] for row in done.json["findings"] if row["status"] == "failed"] == ["model/unknown-field"]
    told = site.zoo("check", str(project)).stdout
    assert "plaid.json:" in told
    assert "-> Did you mean capabilities?" in told
    done = site.zoo("check", str(project), "--fix")
    assert (done.returncode, "is called capabilities" in done.stdout) == (0, True)


def test_a_known_model_is_checked_by_its_name_and_an_unknown_one_refused(site):
    assert "1 file checked: nothing wrong." in site.zoo("check", "dcgan-fashion").stdout
    done = site.zoo("check", "dcgan-fashio")
    assert done.returncode == 2
    assert "Did you mean dcgan-fashion?" in done.stderr


def test_fields_come_in_the_order_of_the_schema_and_lines_are_filled():
    document = {
        "b": [1, 2],
        "schema": 1,
        "weights": {"files": [{"sha256": "x" * 64, "path": "y" * 40}], "source": "hub"},
    }
    found = ordered(document, schema("model"), schema("model"))
    assert list(found) == ["schema", "weights", "b"]
    assert list(found["weights"]) == ["source", "files"]
    assert list(found["weights"]["files"][0]) == ["path", "sha256"]
    assert json.loads(written(found)) == document
    assert all(len(line) <= WIDTH for line in written(found).splitlines() if '"sha256"' not in line)


@pytest.fixture
def layout_2(monkeypatch):
    """A layout 2 of manifests, in which ``summary`` is ``about``, as a later version might have it."""
    import types

    def convert(document):
        document["summary"] = document.pop("about")
        return ["about is called summary"]

    module = types.ModuleType("aigc_core.manifest.converters.model_0_to_1")
    module.convert = convert
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(converters.OLDEST, "model", 0)


def test_an_older_layout_is_read_said_to_be_old_and_converted(project, layout_2):
    from aigc_core.manifest import ModelManifest

    summary = ModelManifest.read(str(project / MODEL)).summary
    change(project / MODEL, '"schema": 1', '"schema": 0')
    change(project / MODEL, '"summary"', '"about"')
    assert ModelManifest.read(str(project / MODEL)).summary == summary
    assert [finding.check for finding in failed(project)] == ["model/old-layout"]
    assert any("about is called summary" in line for line in mend(str(project)))
    assert not failed(project)
    assert json.loads((project / MODEL).read_text())["schema"] == 1


@pytest.mark.parametrize("layout", [2, 99, "1", True, None])
def test_a_layout_that_is_not_known_is_left_to_the_schema(layout):
    document = {"schema": layout}
    assert converters.convert("model", document).document is document
