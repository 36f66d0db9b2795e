"""With how many threads the native engine is fastest: ``python -m benchmarks.text_threads [MODEL,... [TYPE,...]]``.

With ``BENCH_PYTHON``, ``BENCH_MODELS``, ``BENCH_NEW`` and ``BENCH_ROUNDS`` as ``benchmarks.text`` has them. One text;
as many threads as there are cores, half of them, and so on to one, in alternated rounds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import quiet
from benchmarks.rounds import alternate, ratio
from benchmarks.text import ROUNDS, Worker


def numbers() -> list[int]:
    """Return the numbers of threads to try, the most first."""
    cores = len(os.sched_getaffinity(0))
    return [cores >> halved for halved in range(cores.bit_length())]


def rows(folder: Path, model: str, dtype: str) -> list[str]:
    """Return the rows of the table for one model and type."""
    way = "native" if dtype == "float32" else f"native {dtype}"
    workers = {count: Worker(way, folder / model, 1, count) for count in numbers()}
    others = quiet.Others()
    figures = alternate({str(count): worker for count, worker in workers.items()}, ROUNDS)
    share = others.share()
    for worker in workers.values():
        worker.close()
    most, lines = str(numbers()[0]), []
    for count, seconds in figures.items():
        speed = 1 / statistics.median(seconds)
        lines.append(f"| {model} | {dtype} | {count} | {speed:.1f} | {ratio(figures[most], seconds)} | {share:.0%} |")
    return lines


def main(models: str = "15m,smollm2-135m", types: str = "float32,int8") -> None:
    """Measure and print."""
    folder = Path(os.environ.get("BENCH_MODELS", tempfile.gettempdir()))
    print("| model | type | threads | tokens/s | x that of the most threads | others' share of the machine |")
    print("|---|---|---|---|---|---|")
    for model in models.split(","):
        python = os.environ.get("BENCH_PYTHON", sys.executable)
        subprocess.run([python, "-m", "benchmarks.text_models", str(folder), model], check=True, stdout=sys.stderr)
        for dtype in types.split(","):
            print("\n".join(rows(folder, model, dtype)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
