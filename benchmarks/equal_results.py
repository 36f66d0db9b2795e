"""Whether a bundled model's recipe gives the same weights again: ``python -m benchmarks.equal_results MODEL...``.

The first 200 steps of each, in a fresh process and on the threads that the recipe says, against the hash that the
training of the bundled weights wrote down on its way. It holds on the same torch and the same instructions alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from aigc_core import registry

STEPS = 200


def again(name: str, folder: Path) -> dict[str, object]:
    """Return the record of the recipe's first steps, trained in a process of its own."""
    command = [sys.executable, "-m", "aigc_core", "train", name, "--set", f"budget.steps={STEPS}", "--quiet"]
    subprocess.run([*command, "--out", str(folder)], check=True)
    record: dict[str, object] = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    return record


def main(names: list[str]) -> None:
    """Print the table."""
    print(f"| model | weights after {STEPS} steps, bundled | again | |\n|---|---|---|---|")
    for name in names:
        manifest = json.loads(Path(registry.find(name).path).read_text(encoding="utf-8"))
        then = manifest["origin"]["checks"][str(STEPS)]
        with tempfile.TemporaryDirectory() as folder:
            record = again(name, Path(folder) / "run")
        now = record["checks"][str(STEPS)]  # type: ignore[index]
        print(f"| {name} | {then[:16]} | {now[:16]} | {'equal' if now == then else 'DIFFERENT'} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
