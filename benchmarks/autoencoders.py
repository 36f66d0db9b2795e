"""Images encoded and decoded beside diffusers, on the same random weights of the real shapes, in one alternated run.

``python -m benchmarks.autoencoders [MODEL [SIZE [ROUNDS]]]`` with a Python that has diffusers; ``MODEL`` is sd-vae or
taesd. Each way has a process of its own; a round asks each in turn to encode and decode one image of SIZE x SIZE.
Loading is timed in fresh processes, each page of the weights touched, imports counted by themselves.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import quiet
from benchmarks.autoencoders_workers import CONFIGS, WAYS
from benchmarks.rounds import alternate, ratio

SIZE, ROUNDS = 512, 7
OURS, PEER = WAYS


class Worker:
    """A process that encodes and decodes in one way."""

    def __init__(self, way: str, folder: Path, size: int) -> None:
        command = [sys.executable, "-m", "benchmarks.autoencoders_workers", way, str(folder), str(size)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.loaded = self._answer()
        """Seconds of ``imports`` and of ``load``, and the ``peak`` memory after it in MB."""
        self.encode: list[float] = []
        self.decode: list[float] = []

    def __call__(self) -> float:
        """Return the seconds of one image, there and back."""
        quiet.wait()
        found = self.ask("image")
        self.encode.append(found["encode"])
        self.decode.append(found["decode"])
        return float(found["encode"] + found["decode"])

    def ask(self, line: str) -> dict[str, Any]:
        """Return the answer to a line."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def loading(folder: Path, rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the seconds of each load, by way, and the median seconds of imports."""
    imports: dict[str, list[float]] = {way: [] for way in WAYS}

    def load(way: str) -> float:
        quiet.wait()
        worker = Worker(way, folder, 64)
        worker.close()
        imports[way].append(worker.loaded["imports"])
        return float(worker.loaded["load"])

    figures = alternate({way: (lambda way=way: load(way)) for way in WAYS}, rounds)  # type: ignore[misc]
    return figures, {way: statistics.median(each) for way, each in imports.items()}


def table(model: str, size: int, rounds: int) -> list[str]:
    """Return one table: the ways, and the ratios that have a bar."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make = [sys.executable, "-m", "benchmarks.autoencoders_workers", "make", name, model]
        subprocess.run(make, check=True)
        loads, imports = loading(folder, rounds)
        workers = {way: Worker(way, folder, size) for way in WAYS}
        others = quiet.Others()
        figures = alternate(workers, rounds)
        share = others.share()
        peaks = {way: float(worker.ask("peak")["peak"]) for way, worker in workers.items()}
        for worker in workers.values():
            worker.close()
        apart = {part: _apart(folder, part) for part in ("latents", "image")}
    lines = [
        f"`{model}`, {size} x {size}, one image at a time, {rounds} rounds; the two ways and others used {share:.0%} "
        "of the machine.",
        "",
        "| way | encode s | decode s | images/s | load s | imports s | peak memory MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, seconds in figures.items():
        encode, decode = (statistics.median(each[1:]) for each in (workers[way].encode, workers[way].decode))
        lines.append(
            f"| {way} | {encode:.2f} | {decode:.2f} | {1 / statistics.median(seconds):.3f} "
            f"| {statistics.median(loads[way]):.2f} | {imports[way]:.1f} | {peaks[way]:.0f} |"
        )
    return [
        *lines,
        "",
        f"- images/s: {ratio(figures[PEER], figures[OURS])} x diffusers; the bar is >= 1.",
        f"- load time: {ratio(loads[OURS], loads[PEER])} x diffusers; the bar is <= 1.",
        f"- peak memory: {peaks[OURS] / peaks[PEER]:.2f} x diffusers; the bar is <= 1.",
        f"- largest difference by largest value: latents {apart['latents']:.1e}, image {apart['image']:.1e}; "
        "the bar is <= 1e-5.",
        "",
    ]


def _apart(folder: Path, part: str) -> float:
    ours, peer = (np.load(folder / f"{way}-{part}.npy") for way in WAYS)
    return float(np.abs(ours - peer).max() / np.abs(peer).max())


def main(model: str = "", size: str = str(SIZE), rounds: str = str(ROUNDS)) -> None:
    """Measure and print."""
    for name in [model] if model else CONFIGS:
        print("\n".join(table(name, int(size), int(rounds))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
