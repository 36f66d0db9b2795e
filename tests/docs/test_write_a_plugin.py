"""The tutorial's finished source is what its page makes, and it keeps what the page says of it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_core.check import check_static
from aigc_core.scaffold.asked import Asked
from aigc_core.scaffold.write import files

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "aigc-tiles"
TRAINED = {"safetensors"}
MODEL = "src/aigc_tiles/zoo/models/tiles.json"


@pytest.fixture
def written(read_page):
    """What the page has a reader write, by its path in the project."""
    marks = [(block.mark, block.text) for block in read_page("docs/write-a-plugin.md").blocks()]
    return {value.removeprefix("aigc-tiles/"): text for (kind, value), text in marks if kind == "file"}


def test_the_example_is_what_the_page_makes(written):
    made = dict(files(Asked("tiles", "gan", "Apache-2.0", "Ada Lovelace")))
    made |= {path: text.encode() for path, text in written.items()}
    there = {str(path.relative_to(EXAMPLE)): path for path in EXAMPLE.rglob("*") if path.is_file()}
    there = {path: file for path, file in there.items() if "__pycache__" not in path}
    assert sorted(there) == sorted(made)
    for path, data in made.items():
        if path.rpartition(".")[2] not in TRAINED and path != MODEL:
            assert there[path].read_bytes() == data, path
    trained, template = (json.loads(text) for text in (there[MODEL].read_bytes(), made[MODEL]))
    own = {"weights", "golden", "summary", "origin", "terms"}
    assert {name: trained[name] for name in trained if name not in own} == {
        name: template[name] for name in template if name not in own
    }


def test_what_the_author_writes_is_no_more_than_the_page_says(written):
    def lines(path, name):
        tree = ast.parse(written[path])
        (node,) = [each for each in ast.walk(tree) if getattr(each, "name", "") == name]
        bodies = [each.body for each in ast.walk(node) if isinstance(each, ast.FunctionDef)]
        text = written[path].splitlines()
        statements = [line for body in bodies for each in body for line in text[each.lineno - 1 : each.end_lineno]]
        return [line for line in statements if not line.strip().startswith(('"""', "super()"))]

    network, data = lines("src/aigc_tiles/model.py", "Network"), lines("src/aigc_tiles/data.py", "patterns")
    assert (len(network), len(data)) == (5, 4)
    assert len(network) + len(data) + 3 <= 15  # with the class line, the signatures


def test_nothing_is_wrong_with_the_example():
    assert {finding.status for finding in check_static(str(EXAMPLE))} == {"passed"}


@pytest.mark.slow
def test_the_example_keeps_its_golden_case_and_passes_its_own_tests(terminal):
    terminal.install(EXAMPLE)
    code, printed = terminal.run("aigc-zoo golden check tiles")
    assert (code, "passed" in printed) == (0, True), printed
    own = {**os.environ, "PYTHONPATH": f"{EXAMPLE / 'src'}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests"), "-c", os.devnull]
    subprocess.run([*command, "--rootdir", str(EXAMPLE)], check=True, env=own, cwd=terminal.folder)
