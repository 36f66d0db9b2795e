"""The schemas are valid and explain every field, and what the command line prints obeys them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "aigc_core" / "manifest" / "schemas"


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_every_schema_is_valid_and_describes_every_field(path):
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)

    def check(part, where):
        assert part.get("description", "").endswith((".", "-")), where
        for example in part.get("examples", []):
            resolved = {"$defs": schema.get("$defs", {}), **part}
            assert jsonschema.Draft202012Validator(resolved).is_valid(example), (where, example)
        for name, entry in part.get("properties", {}).items():
            check(entry, f"{where}/{name}")
        for keyword in ("items", "additionalProperties"):
            if isinstance(part.get(keyword), dict) and "$ref" not in part[keyword]:
                check(part[keyword], f"{where}/{keyword}")

    check(schema, "")
    for name, part in schema.get("$defs", {}).items():
        check(part, name)


@pytest.mark.parametrize("words", [("list",), ("plugins",), ("show", "dcgan-fashion"), ("doctor",)], ids=lambda w: w[0])
def test_the_output_of_the_command_line_obeys_its_schema(words, tmp_path):
    code = "import sys; from aigc_core.cli import main; main(sys.argv[1:])"
    environment = {"AIGC_ZOO_HOME": str(tmp_path), "PATH": ""}
    command = [sys.executable, "-c", code, *words, "--json"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, env=environment)
    schema = json.loads((SCHEMAS / f"{words[0]}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(done.stdout))


def test_the_schemas_know_every_state():
    from aigc_core.discovery import STATES

    def states(kind, *path):
        part = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
        for key in path:
            part = part[key]
        return set(part["enum"])

    of_a_model = {"ready", "no plugin", "not fetched", "not pinned"} | (STATES.keys() - {"registered"})
    assert states("plugins", "properties", "plugins", "items", "properties", "state") == set(STATES)
    assert states("list", "properties", "models", "items", "properties", "state") == of_a_model
    assert states("show", "properties", "state") == of_a_model


def test_a_hub_model_without_a_commit_is_listed_as_not_pinned_and_refused_in_one_sentence(tmp_path):
    models = tmp_path / "data" / "models"
    models.mkdir(parents=True)
    source = json.loads((ROOT / "plugins/aigc-gan/src/aigc_gan/zoo/models/dcgan-digits.json").read_text())
    source |= {"id": "far-away", "weights": {"source": "hub", "repo_id": "nobody/nothing", "files": []}}
    (models / "far-away.json").write_text(json.dumps(source))
    code = "import sys; from aigc_core.cli import main; main(sys.argv[1:])"
    environment = {"AIGC_ZOO_HOME": str(tmp_path), "PATH": ""}

    def call(*words):
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)

    listed = json.loads(call("list", "--json").stdout)
    schema = json.loads((SCHEMAS / "list.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(listed)
    assert {row["id"]: row["state"] for row in listed["models"]}["far-away"] == "not pinned"
    refused = call("run", "far-away")
    assert refused.returncode == 4
    assert "Model far-away cannot be run (not pinned): its commit is not known" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
