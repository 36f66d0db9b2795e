"""Small zoos to be judged: numpy models, and among them some that misbehave."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from aigc_core.sandbox import bubblewrap

HERE = Path(__file__).parent
ARCHITECTURES = {
    name: f"toy_zoo.generators:{name.title().replace('-', '')}"
    for name in (
        "plain",
        "crash",
        "hang",
        "liar",
        "fork",
        "daemon",
        "reach",
        "flood",
        "drift",
        "batch",
        "constant",
        "link",
        "grow",
        "pretend",
        "hide",
    )
}

MARK = """
import contextlib, pathlib
with contextlib.suppress(OSError):
    pathlib.Path(__file__).with_name("IMPORTED").touch()
"""


@pytest.fixture(autouse=True)
def a_sandbox():
    if fault := bubblewrap.fault():
        pytest.skip(fault)


@pytest.fixture
def toy_zoo(site, manifest_of):
    """Install a plugin with models of the named architectures: ``toy_zoo({"good": "plain", "bad": "crash"})``."""

    def install(models, **fields):
        source = site.install(
            "toy-zoo",
            "toy",
            components={"generators": ARCHITECTURES},
            generator=(HERE / "toys.py").read_text("utf-8"),
        )
        (source / "__init__.py").write_text(MARK)  # inside the sandbox it cannot leave its mark
        (source / "zoo" / "models").mkdir()
        for name, architecture in models.items():
            document = manifest_of(name, architecture) | fields.get(name.replace("-", "_"), {})
            (source / "zoo" / "models" / f"{name}.json").write_text(json.dumps(document))
        return source

    return install


@pytest.fixture
def manifest_of():
    def manifest(name, architecture):
        image = {"kind": "image", "shape": [1, 8, 8], "range": [0, 1]}
        return {
            "schema": 1,
            "id": name,
            "family": "gan",
            "task": "unconditional-image-generation",
            "summary": f"The model {name}.",
            "authors": ["Somebody"],
            "citation": [],
            "code": {"plugin": "toy", "api": 1, "architecture": architecture, "config": {}},
            "weights": {"source": "bundled", "files": []},
            "capabilities": ["generate"],
            "use": {"options": {"type": "object", "additionalProperties": False, "properties": {}}, "output": image},
            "terms": {
                "code": "Apache-2.0",
                "weights": "Apache-2.0",
                "data": "MIT",
                "intended_use": "Tests.",
                "limits": ["It is noise."],
                "known_failures": ["It is noise."],
            },
            "origin": {},
            "budget": {"seconds": 20, "memory_mb": 500},
        }

    return manifest


QUICK = [
    word for step in ("manifest", "licence", "weights", "samples", "golden", "metrics") for word in ("--step", step)
]
"""Every step but conformance, whose own tests are elsewhere."""


class Done(NamedTuple):
    """What one call of the command came to."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self):
        return json.loads(self.stdout)


@pytest.fixture
def ci(site):
    """Run ``aigc-zoo ci --json`` without the clauses; return the outcome, with its models by name."""

    def run(*words, steps=QUICK, **environment):
        own = {"PYTHONPATH": str(site.packages), "AIGC_ZOO_HOME": str(site.home), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "aigc_core", "ci", *words, *steps, "--count", "8", "--json"]
        done = subprocess.run(  # no time limit of a test's own: the judge has one for each model
            command, env={**os.environ, **own, **environment}, cwd=site.work, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def rows():
    def of(done):
        return {row["model"]: row for row in done.json["models"]}

    return of


@pytest.fixture
def failed():
    def of(row):
        return {each["check"]: each["text"] for each in row["findings"] if each["status"] == "failed"}

    return of


@pytest.fixture
def git(site):
    """A repository in the work folder."""
    if not shutil.which("git"):
        pytest.skip("there is no git")

    def run(*words):
        own = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *own, *words], cwd=site.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run
