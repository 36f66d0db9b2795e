"""Every family's package, unedited: it trains to what it ships, keeps its golden case, passes the whole contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from aigc_core.scaffold.asked import FAMILIES, Asked
from aigc_core.scaffold.write import write

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=FAMILIES)
def project(request, tmp_path_factory):
    """The package, installed for the processes that ``run`` starts."""
    folder = tmp_path_factory.mktemp(request.param) / "aigc-plaid"
    write(Asked("plaid", request.param, "Apache-2.0", "Ada"), str(folder))
    info = folder / "src" / "aigc_plaid-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aigc-plaid\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[aigc_zoo]\nplaid = aigc_plaid\n")
    return folder


def run(project, *words, module="aigc_core"):
    own = {"PYTHONPATH": str(project / "src"), "AIGC_ZOO_HOME": str(project.parent / "home")}
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=project,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_runs_and_keeps_its_golden_case(project):
    assert "plaid\t" in run(project, "list", "--plugin", "plaid")
    assert "passed" in run(project, "golden", "check", "plaid")
    run(project, "run", "plaid", "--count", "3")


def test_its_recipe_gives_the_weights_that_ship(project):
    """To the bit where torch, its instruction set and the thread count are the recorded ones; near them elsewhere."""
    run(project, "train", "plaid", "--out", "../run", "--quiet")
    shipped, trained = (
        load_file(path)
        for path in (project / "src/aigc_plaid/zoo/weights/plaid.safetensors", project.parent / "run/model.safetensors")
    )
    was = json.loads((project / "src/aigc_plaid/zoo/models/plaid.json").read_text())["origin"]
    now = json.loads((project.parent / "run/aigc-zoo.json").read_text())["origin"]
    assert now["data"] == was["data"]
    assert shipped.keys() == trained.keys()
    if all(was[name] == now[name] for name in ("torch", "instructions", "threads")):
        assert all(np.array_equal(shipped[name], trained[name]) for name in shipped)
        assert now["final_losses"] == was["final_losses"]
    for name, loss in was["final_losses"].items():
        assert now["final_losses"][name] == pytest.approx(loss, rel=0.5)


def test_its_own_workflow_passes_unedited(project):
    """What it runs after the installation: the static check, and then its tests with the whole contract."""
    workflow = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())
    steps = [step["run"].split() for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    installed, (checks, *check), (tests, *test) = steps
    assert (installed[:2], checks, tests) == (["pip", "install"], "aigc-zoo", "pytest")
    assert "nothing wrong" in run(project, *check)
    printed = run(project, *test, "-p", "no:cacheprovider", module=tests)
    assert " 0 failed" in printed
    assert "NOT ENOUGH" not in printed
