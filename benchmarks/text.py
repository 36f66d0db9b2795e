"""Tokens a second beside transformers, llama.cpp and CTranslate2, on the same weights, in one alternated run.

``python -m benchmarks.text [MODEL [ROWS [WAY,...]]]`` with ``BENCH_PYTHON``, a Python that has the peers, and
``BENCH_MODELS``, a folder for the models. Every way has a process of its own; a round asks each in turn for 1 and for
``NEW`` tokens, and the difference is the decoding of ``NEW - 1``. The way ``compiled`` is asked for by name: with an
empty ``AIGC_ZOO_HOME`` its first run compiles, and the next finds what was compiled.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import quiet
from benchmarks.rounds import alternate, ratio
from benchmarks.text_models import SHAPES, WEIGHTS

NEW, ROUNDS = int(os.environ.get("BENCH_NEW", "64")), int(os.environ.get("BENCH_ROUNDS", "7"))
FULL = ["auto", "native", "gguf", "ct2", "transformers generate", "llama.cpp f32", "CTranslate2 float32"]
SMALL = ["auto int8", "native int8", "gguf int8", "ct2 int8", "llama.cpp q8_0", "CTranslate2 int8"]

OURS, PEERS = ("auto", "native", "compiled", "gguf", "ct2"), ("llama.cpp", "CTranslate2")


class Worker:
    """A process that writes text in one way, on ``threads`` of a CPU, or as many as ``BENCH_THREADS`` says."""

    def __init__(self, way: str, folder: Path, rows: int, threads: int = 0) -> None:
        python = os.environ.get("BENCH_PYTHON", sys.executable)
        command = [python, "-m", "benchmarks.text_workers", way, str(folder), str(rows)]
        own = os.environ | ({"BENCH_THREADS": str(threads)} if threads else {})
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own)
        self._answer()
        self.ready = time.perf_counter() - began
        """Seconds from the start of the process to four tokens: with what is converted or compiled, where it is not
        there yet."""
        self.first: list[float] = []
        """Seconds to the first token, by round."""

    def __call__(self) -> float:
        """Return seconds a token and row."""
        quiet.wait()
        self.first.append(self.ask(1))
        return (self.ask(NEW) - self.first[-1]) / (NEW - 1)

    def ask(self, new: int) -> float:
        """Return the seconds that so many new tokens took."""
        assert self.process.stdin
        self.process.stdin.write(f"{new}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return "1" if line == "ready\n" else line

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def table(folder: Path, model: str, rows: int, ways: list[str]) -> list[str]:
    """Return one table: the ways, and the ratios that have a bar."""
    workers = {way: Worker(way, folder / model, rows) for way in ways}
    others = quiet.Others()
    figures = alternate(workers, ROUNDS)
    share = others.share()
    for worker in workers.values():
        worker.close()
    medians = {way: statistics.median(seconds) for way, seconds in figures.items()}
    lines = [
        f"`{model}`, {rows} text{'s' * (rows > 1)} at once; others used {share:.0%} of the machine.",
        "",
        "| way | tokens/s | first token ms | GB/s of weights | ready s |",
        "|---|---|---|---|---|",
    ]
    for way, seconds in sorted(medians.items(), key=lambda item: item[1]):
        size = WEIGHTS[model] * (1 if "8" in way else 0.5 if "int4" in way else 4) / seconds / 1e9
        first = 1e3 * statistics.median(workers[way].first[1:])
        lines.append(f"| {way} | {rows / seconds:.1f} | {first:.0f} | {size:.1f} | {workers[way].ready:.1f} |")
    return [*lines, "", *_ratios(figures, medians), ""]


def _ratios(figures: dict[str, list[float]], medians: dict[str, float]) -> list[str]:
    """Say what has a bar: ours against the best peer, the native engine against transformers."""
    lines = []
    for ours in (way for way in figures if way.split()[0] in OURS):
        for peers in (["transformers generate"], [way for way in figures if way.split()[0] in PEERS]):
            there = [way for way in peers if way in figures]
            if there:
                best = min(there, key=lambda way: medians[way])
                lines.append(f"- {ours}: {ratio(figures[best], figures[ours])} x {best}")
    return lines


def main(model: str = "", rows: str = "", ways: str = "") -> None:
    """Measure and print."""
    folder = Path(os.environ.get("BENCH_MODELS", tempfile.gettempdir()))
    for name in [model] if model else SHAPES:
        python = os.environ.get("BENCH_PYTHON", sys.executable)
        subprocess.run([python, "-m", "benchmarks.text_models", str(folder), name], check=True, stdout=sys.stderr)
        for count in [int(rows)] if rows else [1, 8]:
            for chosen in [ways.split(",")] if ways else [FULL, SMALL]:
                print("\n".join(table(folder, name, count, chosen)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
