"""From nothing to a green plugin: the three commands of ``docs/write-a-plugin.md``, in an environment of their own.

``python -m benchmarks.new_plugin [FAMILY...]``. The environment has the core of this checkout and nothing else of ours;
that its packages were fetched before is not counted, that they are installed is counted apart.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = ("gan", "vae", "text")
BAR = 120
"""Seconds that the three commands may take on two cores."""


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Run a command; return its seconds and what it printed. Ends all where it fails."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took, done.stdout


def measure(family: str, place: Path) -> str:
    """Return one family's row of the table."""
    venv.create(place / "venv", with_pip=True)
    binaries = place / "venv" / "bin"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{binaries}:{os.environ['PATH']}", "AIGC_ZOO_HOME": str(place / "zoo")}
    pip = ["pip", "--disable-pip-version-check", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt")]
    installed, _ = timed([*pip, str(ROOT)], place, environment)
    new = ["aigc-zoo", "new", "plugin", "tiles", "--family", family, "--license", "Apache-2.0", "--author", "Ada L."]
    seconds = [
        timed(new, place, environment)[0],
        timed([*pip, "--editable", "./aigc-tiles[test]"], place, environment)[0],
    ]
    green, said = timed(["pytest", "--aigc-zoo"], place / "aigc-tiles", environment)
    seconds.append(green)
    passed = re.findall(r"\d+ passed", said)[-1]
    each = ", ".join(f"{part:.1f}" for part in seconds)
    return f"| {family} | {installed:.1f} | {each} | {sum(seconds):.1f} | {passed} | <= {BAR} |"


def main() -> None:
    """Print the table."""
    print("| family | installing the core, s | new, install, pytest, s | together, s | tests | bar, s |")
    print("|---|---|---|---|---|---|")
    for family in sys.argv[1:] or FAMILIES:
        with tempfile.TemporaryDirectory() as place:
            print(measure(family, Path(place)), flush=True)


if __name__ == "__main__":
    main()
