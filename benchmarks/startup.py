"""CPU time of ``list`` and ``--help`` against a bare interpreter and against llm, with slow plugins installed."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import alternate, process, ratio

PLUGINS, SLEEP, UNRELATED = 20, 0.3, 300


def install_zoo_plugin(site: Path, number: int) -> None:
    """Write an installed plugin of aigc-zoo, with one model, that sleeps when it is imported."""
    package = site / f"zoo_slow_{number}"
    (package / "zoo" / "models").mkdir(parents=True)
    for module in ("__init__", "plugin"):
        (package / f"{module}.py").write_text(f"import time\ntime.sleep({SLEEP})\n" if module == "__init__" else "")
    name = f"slow-{number}"
    plugin = {"name": name, "api": 1, "summary": "Sleeps.", "components": {"generators": {"nap": "zoo_slow:Nap"}}}
    (package / "zoo" / "plugin.json").write_text(json.dumps(plugin))
    model = {
        "schema": 1,
        "id": f"nap-{number}",
        "family": "gan",
        "task": "unconditional-image-generation",
        "summary": "A nap.",
        "code": {"plugin": name, "api": 1, "architecture": "nap", "config": {}},
        "weights": {"source": "bundled", "files": []},
        "use": {"options": {}, "output": {"kind": "image", "shape": [1, 28, 28], "range": [-1, 1]}},
    }
    (package / "zoo" / "models" / f"nap-{number}.json").write_text(json.dumps(model))
    _info(site, f"zoo-slow-{number}", f"[aigc_zoo]\n{name} = zoo_slow_{number}.plugin\n")


def install_llm_plugin(site: Path, number: int) -> None:
    """Write an installed plugin of llm that sleeps when it is imported."""
    site.mkdir(exist_ok=True)
    (site / f"llm_slow_{number}.py").write_text(f"import time\ntime.sleep({SLEEP})\n")
    _info(site, f"llm-slow-{number}", f"[llm]\nslow_{number} = llm_slow_{number}\n")


def _info(site: Path, name: str, entry_points: str = "") -> None:
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    if entry_points:
        (info / "entry_points.txt").write_text(entry_points)


def measure() -> list[str]:
    """Return the rows of the table."""
    bin_folder = Path(sys.executable).parent
    zoo, llm = str(bin_folder / "aigc-zoo"), bin_folder.parent / "llm" / "bin" / "llm"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        sites = {name: Path(folder) / name for name in ("plugins", "crowd", "llm")}
        for number in range(PLUGINS):
            for site in ("plugins", "crowd"):
                install_zoo_plugin(sites[site], number)
            install_llm_plugin(sites["llm"], number)
        for number in range(UNRELATED):
            _info(sites["crowd"], f"unrelated-{number}", "[console_scripts]\nx = y:z\n" if number % 3 == 0 else "")
        runs = {
            "python -c pass": ([sys.executable, "-c", "pass"], ""),
            "aigc-zoo list": ([zoo, "list"], ""),
            "aigc-zoo --help": ([zoo, "--help"], ""),
            f"aigc-zoo list, {PLUGINS} slow plugins": ([zoo, "list"], "plugins"),
            f"aigc-zoo --help, {PLUGINS} slow plugins": ([zoo, "--help"], "plugins"),
            f"aigc-zoo list, {PLUGINS} slow plugins, {UNRELATED} distributions": ([zoo, "list"], "crowd"),
            f"aigc-zoo --help, {PLUGINS} slow plugins, {UNRELATED} distributions": ([zoo, "--help"], "crowd"),
        }
        if llm.exists():
            runs["llm models"] = ([str(llm), "models"], "")
            runs[f"llm models, {PLUGINS} slow plugins"] = ([str(llm), "models"], "llm")
        walls: dict[str, list[float]] = {name: [] for name in runs}

        def one(name: str) -> float:
            command, site = runs[name]
            environment = dict(os.environ, AIGC_ZOO_HOME=f"{folder}/home", LLM_USER_PATH=f"{folder}/llm-home")
            if site:
                environment["PYTHONPATH"] = str(sites[site])
            cost = process(command, environment)
            walls[name].append(cost.wall)
            return cost.cpu

        figures = alternate({name: (lambda name=name: one(name)) for name in runs})  # type: ignore[misc]
    floor = figures["python -c pass"]
    for name, cpu in figures.items():
        times = ratio(cpu, floor)
        bar = "<= 6" if name.startswith("aigc") else ""
        wall = statistics.median(walls[name][1:])
        rows.append(f"| {name} | {statistics.median(cpu) * 1e3:.0f} | {wall * 1e3:.0f} | {times} | {bar} |")
    growth = [
        (one - other) / PLUGINS * 1e3
        for one, other in zip(figures[f"aigc-zoo list, {PLUGINS} slow plugins"], figures["aigc-zoo list"], strict=True)
    ]
    growth.sort()
    spread = f"{statistics.median(growth):.2f} [{growth[1]:.2f}, {growth[-2]:.2f}]"
    return [
        "| command | CPU ms | wall ms | CPU, x `python -c pass` | bar |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"CPU ms more per plugin in `list`: {spread}; the bar is <= 1.",
    ]
