"""Options that a plugin has for an architecture: used where a manifest has none, and a broken file is a broken row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "strength": {"type": "number", "minimum": 0, "default": 2, "description": "How grey."},
        "stop": {"type": "array", "items": {"type": "string"}, "description": "Where to end."},
    },
}
GENERATOR = '''
import json, sys
import numpy as np
from aigc_core.interfaces import NoiseSpec, Samples


class Grey:
    """Says what options it is called with."""

    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((1, 4, 4), "uniform")}

    @classmethod
    def open(cls, config, weights, device):
        return cls()

    def generate(self, noise, options):
        print("called with", json.dumps(options), file=sys.stderr)
        return Samples("image", noise["z"], (0.0, 1.0))
'''


@pytest.fixture
def package(site: Any) -> Path:
    """Install a plugin whose model ``plain`` has no options of its own, ``own`` has one and ``none`` says none."""
    plugin = {
        "name": "toy",
        "api": 1,
        "summary": "Toys.",
        "components": {"generators": {"grey": "toy_dist.generators:Grey"}},
        "options": {"grey": "common"},
    }
    models = ("plain", "own", "none")
    source: Path = site.install("toy-dist", "toy", models=models, plugin_json=json.dumps(plugin), generator=GENERATOR)
    options = {"plain": "drop", "own": {"properties": {"x": {"type": "integer", "description": "X."}}}, "none": {}}
    for name, value in options.items():
        path = source / "zoo" / "models" / f"{name}.json"
        document = json.loads(path.read_text())
        document["use"]["options"] = value
        if value == "drop":
            del document["use"]["options"]
        path.write_text(json.dumps(document))
    (source / "zoo" / "options").mkdir()
    (source / "zoo" / "options" / "common.json").write_text(json.dumps(SCHEMA))
    return source


def run(site: Any, *words: str) -> Any:
    return site.zoo("run", *words, "-n", "1", "-o", "a.npy", "-q")


@pytest.mark.parametrize(
    ("words", "called"),
    [
        (["plain"], {"strength": 2}),
        (["plain", "--strength", "1"], {"strength": 1.0}),
        (["plain", "--stop", "a", "--stop", "", "--stop", "b c"], {"strength": 2, "stop": ["a", "", "b c"]}),
        (["own", "--x", "3"], {"x": 3}),
        (["none"], {}),
    ],
    ids=str,
)
def test_a_manifest_without_options_has_those_of_its_architecture(
    site: Any, package: Path, words: list[str], called: Any
) -> None:
    done = run(site, *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1].removeprefix("called with ")) == called


@pytest.mark.parametrize("words", [["own", "--strength", "1"], ["none", "--strength", "1"], ["plain", "--x", "1"]])
def test_a_manifest_with_options_has_those_alone(site: Any, package: Path, words: list[str]) -> None:
    done = run(site, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "No such option" in done.stderr


def test_help_shows_them(site: Any, package: Path) -> None:
    text = " ".join(site.zoo("run", "plain", "--help").stdout.split())
    assert "--strength FLOAT How grey. [default: 2; >= 0]" in text
    assert "--stop TEXT Where to end. [may be repeated]" in text


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{", '{"properties": {"seed": {"type": "number"}}}', '{"properties": {"x": 1}}']
)
def test_a_broken_file_is_a_broken_row(site: Any, package: Path, content: str | None) -> None:
    path = package / "zoo" / "options" / "common.json"
    path.unlink() if content is None else path.write_text(content)
    rows = {row["id"]: row for row in site.zoo("list", "--json").json["models"]}
    assert (rows["plain"]["state"], rows["own"]["state"], rows["none"]["state"]) == ("broken", "ready", "ready")
    assert "common.json" in rows["plain"]["reason"]
    assert site.zoo("show", "plain").returncode == 0
    done = run(site, "plain")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "Model plain cannot be run (broken): plugin toy of toy-dist 1.0: " in done.stderr
    assert run(site, "own").returncode == 0


@pytest.mark.parametrize("options", [["grey"], {"grey": 3}, {"grey": "../common"}, "common"], ids=str)
def test_a_name_that_cannot_be_makes_the_plugin_broken(site: Any, options: Any) -> None:
    plugin = {"name": "toy", "api": 1, "summary": "Toys.", "components": {}, "options": options}
    site.install("toy-dist", "toy", plugin_json=json.dumps(plugin))
    row = site.state_of("toy")
    assert row["state"] == "broken"
    assert "options is no map of architectures to the names of schemas" in row["reason"]


def test_a_template_without_options_has_them_too(site: Any, package: Path) -> None:
    """A folder in the Hub's layout, which the plugin claims."""
    template = json.loads((package / "zoo" / "models" / "plain.json").read_text())
    template = {field: template[field] for field in ("family", "task", "code", "capabilities", "use", "budget")}
    (package / "zoo" / "claims").mkdir()
    (package / "zoo" / "claims" / "grey.json").write_text(json.dumps(template))
    plugin = json.loads((package / "zoo" / "plugin.json").read_text())
    (package / "zoo" / "plugin.json").write_text(json.dumps(plugin | {"claims": {"model_type": {"grey": "grey"}}}))
    folder = site.work / "mine"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "grey"}')
    (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    done = run(site, "./mine", "--stop", "a")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1].removeprefix("called with ")) == {"strength": 2, "stop": ["a"]}
