"""A folder of very many manifests: the first search, which builds the index, later ones, and exact lookups.

``python -m benchmarks.registry_index [COUNT] [FOLDER]``. Writes COUNT manifests (20,000) into a folder of its own, or
into ``FOLDER/data/models`` unless they are there; a million take 10 GB of small files. Each row is a fresh process.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rounds import Cost, process

ROUNDS = 5
TEMPLATE = Path(__file__).resolve().parents[1] / "tests" / "registry" / "far-away.json"
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "juniper")
ZOO = "import sys; from aigc_core.cli import outcome; outcome(sys.argv[1:])"
"""The command, whatever its exit code: a name that nobody has ends in another than 0."""
SECONDS, MEMORY = 0.5, 200
"""What a search and a lookup may take of wall time, and anything of memory in MB."""


def name(number: int) -> str:
    """Return a model's name: two words and its number."""
    return f"{WORDS[number % 10]}-{WORDS[number // 10 % 10]}-{number:07}"


def write(models: Path, number: int) -> None:
    """Write a manifest of gan's DCGAN for 28 x 28, with weights on the Hub that nobody has pinned."""
    one, other = WORDS[number % 10], WORDS[number // 10 % 10]
    document = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    document |= {"id": name(number), "summary": f"Pictures of {one} and {other}, number {number}."}
    (models / f"{name(number)}.json").write_text(json.dumps(document), encoding="utf-8")


def zoo(home: Path, *arguments: str) -> Cost:
    """Run ``aigc-zoo`` with a home of its own."""
    environment = os.environ | {"AIGC_ZOO_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return process([sys.executable, "-c", ZOO, *arguments], environment)


def row(what: str, costs: list[Cost], bar: bool = True) -> str:
    """Return a row: the median of the rounds, and the most memory."""
    wall, cpu = (statistics.median(getattr(cost, field) for cost in costs) for field in ("wall", "cpu"))
    bars = f"<= {SECONDS} s, <= {MEMORY} MB" if bar else f"<= {MEMORY} MB"
    return f"| {what} | {len(costs)} | {wall:.2f} | {cpu:.2f} | {max(cost.memory for cost in costs):.0f} | {bars} |"


def measure(count: int, home: Path) -> Iterator[str]:
    """Yield the rows of the table. The manifests are there."""
    models = home / "data" / "models"
    last = name(count - 1)
    yield f"| {count:,} manifests | runs | wall s | CPU s | peak MB | bar |"
    yield "|---|---|---|---|---|---|"
    yield row("`list --search`, the first, which builds the index", [zoo(home, "list", "--search", last)], bar=False)
    (index,) = (home / "cache" / "index").glob("*.sqlite")
    for what, *arguments in (
        ("`list --search`, one found", "list", "--search", last),
        ("`list --search`, two words, some found", "list", "--search", f"BIRCH and cedar, number {count // 1000}"),
        ("`list --search`, none found", "list", "--search", "no such words"),
        ("`show`, by its exact name", "show", last),
    ):
        yield row(what, [zoo(home, *arguments) for _ in range(ROUNDS)])
    yield row("`show`, a name that nobody has: every name is read", [zoo(home, "show", last[:-1])], bar=False)
    write(models, count)
    added = [zoo(home, "list", "--search", name(count))]
    (models / f"{name(count)}.json").unlink()
    yield row("`list --search`, after one was added", added, bar=False)
    with tempfile.TemporaryDirectory() as empty:
        few = [zoo(Path(empty), "list", "--search", "dcgan") for _ in range(ROUNDS)]
    yield row("`list --search` without these manifests", few)
    yield ""
    yield f"The index takes {index.stat().st_size / 1e6:,.0f} MB of disk; load {os.getloadavg()[0]:.1f} at the end."


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with contextlib.ExitStack() as stack:
        home = Path(sys.argv[2] if len(sys.argv) > 2 else stack.enter_context(tempfile.TemporaryDirectory()))
        models = home / "data" / "models"
        if not models.exists():
            models.mkdir(parents=True)
            for number in range(count):
                write(models, number)
        for line in measure(count, home):
            print(line, flush=True)


if __name__ == "__main__":
    main()
