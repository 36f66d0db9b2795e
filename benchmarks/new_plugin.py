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


def prepared(place: Path) -> tuple[dict[str, str], list[str], float]:
    """Return the environment, pip's command, and the seconds that installing the core and its plugins took."""
    venv.create(place / "venv", with_pip=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{place / 'venv' / 'bin'}:{os.environ['PATH']}", "AIGC_ZOO_HOME": str(place / "zoo")}
    pip = ["pip", "--disable-pip-version-check", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt")]
    plugins = [str(folder) for folder in sorted((ROOT / "plugins").iterdir())]
    return environment, pip, timed([*pip, str(ROOT), *plugins], place, environment)[0]


def measure(family: str, place: Path, environment: dict[str, str], pip: list[str]) -> str:
    """Return one family's row of the table."""
    folder = place / family
    folder.mkdir()
    new = [
        "aigc-zoo",
        "new",
        "plugin",
        f"{family}tiles",
        "--family",
        family,
        "--license",
        "Apache-2.0",
        "--author",
        "Ada L.",
    ]
    seconds = [
        timed(new, folder, environment)[0],
        timed([*pip, "--editable", f"./aigc-{family}tiles[test]"], folder, environment)[0],
    ]
    green, said = timed(["pytest", "--aigc-zoo"], folder / f"aigc-{family}tiles", environment)
    seconds.append(green)
    each = ", ".join(f"{part:.1f}" for part in seconds)
    return f"| {family} | {each} | {sum(seconds):.1f} | {re.findall(r'[0-9]+ passed', said)[-1]} | <= {BAR} |"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place:
        environment, pip, took = prepared(Path(place))
        print(f"Installing the core and its plugins, from packages that were fetched before: {took:.0f} s.\n")
        print("| family | new, install, pytest, s | together, s | tests | bar, s |\n|---|---|---|---|---|")
        for family in sys.argv[1:] or FAMILIES:
            print(measure(family, Path(place), environment, pip), flush=True)


if __name__ == "__main__":
    main()
