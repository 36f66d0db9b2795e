"""What judging a zoo of small models takes: all of it, again, and with two workers in the place of one.

``python -m benchmarks.judging [MODELS]``. The models are numpy's; one of them crashes, one hangs, one lies about its
score. Every step is done but conformance, whose clauses take as long as they take.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rounds import ratio

TOYS = Path(__file__).resolve().parents[1] / "tests" / "judge" / "toys.py"
BAD = {"model-050": "crash", "model-100": "hang", "model-150": "liar"}
STEPS = ("manifest", "licence", "weights", "samples", "golden", "metrics")
SECONDS = 20
FEW, ROUNDS = 16, 7
"""Models and turns by which two workers are compared with one."""
VENDI = "core:vendi@estimator=cosine/n=64/extractor=fashion-features.{}/resize=bicubic-antialiased"


def install(site: Path, count: int) -> list[str]:
    """Write an installed plugin with that many models; return their names."""
    package, info = site / "toy_zoo", site / "toy_zoo-1.0.dist-info"
    (package / "zoo" / "models").mkdir(parents=True)
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-zoo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[aigc_zoo]\ntoy = toy_zoo.plugin\n")
    for name in ("__init__", "plugin"):
        (package / f"{name}.py").write_text("")
    shutil.copy(TOYS, package / "generators.py")
    kinds = {"plain", *BAD.values()}
    parts = {"generators": {kind: f"toy_zoo.generators:{kind.title()}" for kind in sorted(kinds)}}
    plugin = {
        "name": "toy",
        "api": 1,
        "summary": "Toys.",
        "components": parts,
        "hooks": [],
        "claims": {},
        "commands": {},
    }
    (package / "zoo" / "plugin.json").write_text(json.dumps(plugin))
    names = [f"model-{number:03}" for number in range(count)]
    for name in names:
        path = package / "zoo" / "models" / f"{name}.json"
        path.write_text(json.dumps(manifest(name, BAD.get(name, "plain"))))
    return names


def manifest(name: str, architecture: str) -> dict[str, Any]:
    """Return a model's manifest; every tenth promises a score, and so does the liar."""
    from aigc_core.evaluate.judge import SHORT
    from aigc_core.registry import find

    entry = find("fashion-features").manifest
    assert entry is not None
    score = {"metric": VENDI.format(entry.files[0].sha256[:SHORT]), "value": 2.0, "direction": "higher", "gate": 1.2}
    texts = {"intended_use": "Measuring.", "limits": ["It is noise."], "known_failures": ["It is noise."]}
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
        "use": {
            "options": {"type": "object", "additionalProperties": False, "properties": {}},
            "output": {"kind": "image", "shape": [1, 8, 8], "range": [0, 1]},
        },
        "terms": {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "MIT", **texts},
        "origin": {},
        "scores": [score] if name.endswith("5") or architecture == "liar" else [],
        "budget": {"seconds": 20, "memory_mb": 500},
    }


def judged(site: Path, names: list[str], workers: int, home: Path) -> tuple[float, float, dict[str, Any]]:
    """Judge models; return seconds by the clock, of computing, and the result."""
    words = [word for step in STEPS for word in ("--step", step)]
    words += ["--workers", str(workers), "--seconds", str(SECONDS), "--json", "--report", str(home / "report")]
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = {**os.environ, "PYTHONPATH": path, "AIGC_ZOO_HOME": str(home), "OMP_NUM_THREADS": "1"}
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "aigc_core", "ci", *names, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took, after = time.perf_counter() - began, os.times()
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return took, used, json.loads(done.stdout)


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        site, home = Path(place) / "site", Path(place) / "home"
        names = install(site, count)
        first, again = (told(what, judged(site, names, 2, home), names) for what in ("first", "again"))
        if len(sys.argv) > 2:
            shutil.copytree(home / "report", sys.argv[2])
        good = [name for name in names if name not in BAD][:FEW]
        turns = [(Path(place) / str(turn), n) for turn in range(ROUNDS) for n in (1, 2)]
        took = [told(f"{n} workers", judged(site, good, n, home / str(n)), good) for home, n in turns]
    two = ratio(took[::2], took[1::2])
    print(f"again / first: {again / first:.1%}; 2 workers are {two} x 1, {ROUNDS} rounds of {FEW} models")


def told(what: str, found: tuple[float, float, dict[str, Any]], names: list[str]) -> float:
    """Print what a run took and which models did not pass; return its seconds by the clock."""
    took, used, result = found
    bad = {row["model"]: row["state"] for row in result["models"] if row["state"] != "passed"}
    print(f"{what}: {len(names)} models, {took:.1f} s, {used:.1f} s computing, {bad}", flush=True)
    return took


if __name__ == "__main__":
    main()
