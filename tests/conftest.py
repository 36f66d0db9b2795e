"""What every test may use: a fake site-packages folder with plugins in it, and the real command line on top of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest

# The same examples everywhere, judged by what they show and not by how long a busy machine takes for them.
UNTIMED = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=UNTIMED
)
hypothesis.settings.load_profile("steady")

NUMPY_GENERATOR = '''
import numpy as np
from aigc_core.interfaces import NoiseSpec, Samples


class Grey:
    """Makes 4 x 4 images of uniform noise, with numpy alone."""

    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((1, 4, 4), "uniform")}

    @classmethod
    def open(cls, config, weights, device):
        return cls()

    def generate(self, noise, options):
        return Samples("image", noise["z"], (0.0, 1.0))
'''

MANY = """
import contextlib, io, json, os, shutil, sys, traceback
from aigc_core.cli import outcome

results, given = [], json.load(sys.stdin)
home = os.environ["AIGC_ZOO_HOME"]
for call in given["before"]:
    with contextlib.redirect_stderr(io.StringIO()):
        assert outcome(call) in (2, 3)
for number, calls in enumerate(given["calls"]):
    os.environ["AIGC_ZOO_HOME"] = shutil.copytree(home, f"{home}-{number}")
    for call in calls:
        out, err, code = io.StringIO(), io.StringIO(), None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = outcome(call)
            except BaseException:
                traceback.print_exc()
    shutil.rmtree(os.environ["AIGC_ZOO_HOME"])
    results.append([code, out.getvalue(), err.getvalue()])
json.dump(results, sys.stdout)
"""


class Outcome(NamedTuple):
    """What one call of the command line came to."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


class Site:
    """A folder of fake installed plugins, and a home for settings and records, below one folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.packages, self.home, self.work = root, root / "site", root / "home", root / "work"
        self.packages.mkdir(parents=True)
        self.work.mkdir()

    def install(
        self,
        distribution: str,
        name: str,
        *,
        version: str = "1.0",
        package: str | None = None,
        api: Any = 1,
        body: str = "",
        hooks: list[str] | None = None,
        models: tuple[str, ...] = (),
        components: dict[str, dict[str, str]] | None = None,
        commands: dict[str, dict[str, str]] | None = None,
        plugin_json: str | None = None,
        entry: str | None = None,
        folder: Path | None = None,
        generator: str = NUMPY_GENERATOR,
    ) -> Path:
        """Write a plugin's package and metadata, and return the package's folder.

        ``body`` is the module that the entry point names; ``plugin_json`` replaces the text of that file, and an empty
        one leaves the whole ``zoo`` folder out; ``entry`` replaces the entry point's line; ``folder`` is where the
        package lies, when not beside its metadata. Importing the package leaves ``IMPORTED`` in its folder.
        """
        package = package or distribution.replace("-", "_").replace(".", "_")
        source = (folder or self.packages) / package
        declared = {
            "name": name,
            "api": api,
            "summary": f"The plugin {name}.",
            "components": components or {"generators": {"grey": f"{package}.generators:Grey"}},
            "hooks": hooks or [],
            "claims": {},
            "commands": commands or {},
        }
        self._write(source / "__init__.py", "import pathlib\npathlib.Path(__file__).with_name('IMPORTED').touch()\n")
        self._write(source / "plugin.py", body)
        self._write(source / "generators.py", generator)
        if plugin_json != "":
            self._write(source / "zoo" / "plugin.json", plugin_json or json.dumps(declared))
            for model in models:
                self._write(source / "zoo" / "models" / f"{model}.json", json.dumps(manifest(model, name)))
        info = self.packages / f"{distribution.replace('-', '_')}-{version}.dist-info"
        self._write(info / "METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n\nText.\n")
        self._write(info / "entry_points.txt", f"[aigc_zoo]\n{entry or f'{name} = {package}.plugin'}\n")
        return source

    def zoo(self, *arguments: str, **environment: str) -> Outcome:
        """Run ``aigc-zoo`` with these plugins installed, in a process of its own."""
        return self.python("-m", "aigc_core", *arguments, **environment)

    def many(self, calls: list[list[list[str]]], before: list[list[str]] | None = None) -> list[Outcome]:
        """Run many command lines in one process, each list of them on a copy of the home; return the last of each.

        Those in ``before`` run on the home itself, first, and are to fail.
        """
        self.home.mkdir(exist_ok=True)
        done = self.python("-c", MANY, input=json.dumps({"calls": calls, "before": before or []}))
        assert done.returncode == 0, done.stderr
        return [Outcome(*result) for result in done.json]

    def python(self, *arguments: str, input: str = "", **environment: str) -> Outcome:
        """Run Python with these plugins installed."""
        own = {"PYTHONPATH": str(self.packages), "AIGC_ZOO_HOME": str(self.home), "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **own, **environment},
            cwd=self.work,
            input=input,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def settle(self, disabled: list[str] | None = None, text: str = "") -> None:
        """Write the settings file: disabled plugins, or any text."""
        self._write(self.home / "config" / "settings.json", text or json.dumps({"disabled": disabled}))

    def state_of(self, plugin: str) -> dict[str, Any]:
        """Return the row that ``plugins --json`` has for a plugin."""
        rows: list[dict[str, Any]] = self.zoo("plugins", "--json").json["plugins"]
        return next(row for row in rows if plugin in (row["name"], row["distribution"]))

    def imported(self) -> list[str]:
        """Return the names of the packages that have been imported since they were installed."""
        return sorted(marker.parent.name for marker in self.root.rglob("IMPORTED"))

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def manifest(model: str, plugin: str) -> dict[str, Any]:
    """Return a manifest of a model that needs no weights."""
    return {
        "schema": 1,
        "id": model,
        "family": "gan",
        "task": "unconditional-image-generation",
        "summary": f"The model {model}.",
        "authors": ["Somebody"],
        "citation": [],
        "code": {"plugin": plugin, "api": 1, "architecture": "grey", "config": {}},
        "weights": {"source": "bundled", "files": []},
        "capabilities": ["generate"],
        "use": {
            "options": {"type": "object", "additionalProperties": False, "properties": {}},
            "output": {"kind": "image", "shape": [1, 4, 4], "range": [0, 1]},
        },
        "terms": {
            "code": "Apache-2.0",
            "weights": "Apache-2.0",
            "data": "MIT",
            "intended_use": "Tests.",
            "limits": ["It is noise."],
            "known_failures": ["It is noise."],
        },
        "origin": {},
        "budget": {"seconds": 10, "memory_mb": 1000},
    }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def install(site: Site) -> Callable[..., Path]:
    return site.install


@pytest.fixture
def zoo(site: Site) -> Callable[..., Outcome]:
    return site.zoo


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Site]:
    """Make a site that more than one test may share."""
    return lambda: Site(tmp_path_factory.mktemp("site"))
