"""Whether a bundled model's recipe gives the same weights twice: ``python -m benchmarks.equal_results MODEL...``.

The first 200 steps of each, twice, in fresh processes and on the threads that the recipe says; beside them the hash
that the training of the bundled weights wrote down on its way, which holds on the same torch and instructions alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from aigc_core import registry

STEPS = 200


def again(name: str, folder: Path) -> dict[str, Any]:
    """Return the record of the recipe's first steps, trained in a process of its own."""
    command = [sys.executable, "-m", "aigc_core", "train", name, "--set", f"budget.steps={STEPS}", "--quiet"]
    subprocess.run([*command, "--out", str(folder)], check=True)
    record: dict[str, Any] = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    return record


def main(names: list[str]) -> None:
    """Print the table."""
    print(f"| model | weights after {STEPS} steps | again | of the bundled weights' training |\n|---|---|---|---|")
    for name in names:
        origin = json.loads(Path(registry.find(name).path).read_text(encoding="utf-8"))["origin"]
        then = origin.get("checks", {}).get(str(STEPS), "")
        with tempfile.TemporaryDirectory() as folder:
            one, other = (again(name, Path(folder) / run)["checks"][str(STEPS)] for run in ("one", "other"))
        twice = "equal" if one == other else f"DIFFERENT: {other[:16]}"
        with_then = "equal" if one == then else f"{then[:16]}, with {origin['instructions']}" if then else "not kept"
        print(f"| {name} | {one[:16]} | {twice} | {with_then} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
