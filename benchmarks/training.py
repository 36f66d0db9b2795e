"""Steps of training against a bare loop and against other libraries' loops, the same networks on the same data.

``python -m benchmarks Training`` measures all three subjects, each in a process of its own with the peers that
``make bench`` installs; ``python -m benchmarks.training vae --rounds 1 --steps 20`` one of them, here.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from benchmarks import rounds

THREADS = 2
LOUD = ("lightning.pytorch", "lightning.fabric", "pytorch_lightning", "transformers", "accelerate", "pythae")
PEERS = Path(os.environ.get("BENCH_PEERS", str(Path(sys.prefix, "peers"))))
"""The environment that has the libraries beside which this project is measured."""
BARE, OURS, FAST = "bare loop", "aigc_core", "aigc_core --fast"


def measure() -> list[str]:
    """Return the rows of the tables."""
    python, lines = PEERS / "bin" / "python", list[str]()
    for name in ("dcgan", "vae", "gpt"):
        with tempfile.TemporaryDirectory() as folder:
            found = Path(folder, "lines.md")
            subprocess.run(
                [str(python) if python.exists() else sys.executable, "-m", __name__, name, "--to", str(found)],
                cwd=Path(__file__).parents[1],
                stdout=subprocess.DEVNULL,  # what the libraries say of themselves
                check=True,
            )
            lines += found.read_text(encoding="utf-8").splitlines()
    return lines


def main() -> None:
    """Measure one subject in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("subject", choices=["dcgan", "vae", "gpt"])
    parser.add_argument("--rounds", type=int, default=rounds.ROUNDS)
    parser.add_argument("--steps", type=int, help="Steps a run; each subject has its own.")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--budget", type=int, help="How long --fast takes the training for, in steps; the recipe's.")
    parser.add_argument("--only", nargs="+", help="Leave out the others, such as: --only lightning accelerate")
    parser.add_argument("--no-fast", action="store_true", help="Leave out --fast.")
    parser.add_argument("--to", help="A file for the tables; they are printed without.")
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": str(given.threads), "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}
    warnings.filterwarnings("ignore")  # those of the libraries, such as of loaders without processes of their own
    text = "\n".join(tables(given)) + "\n"
    if given.to:
        Path(given.to).write_text(text, encoding="utf-8")
    else:
        print(text)


def tables(given: argparse.Namespace) -> list[str]:
    """Run everything in turn and say what came out."""
    import torch

    from benchmarks import quiet, training_loops, training_peers, training_subjects

    torch.set_num_threads(given.threads)
    subject = training_subjects.SUBJECTS[given.subject]
    subject = subject._replace(steps=given.steps or subject.steps)
    quick, peaks = training_loops.peaks()
    with tempfile.TemporaryDirectory() as folder:
        known, missing = training_peers.peers(given.subject, subject, folder)
        for name in LOUD:  # each sets its own level when it is imported
            logging.getLogger(name).setLevel(logging.ERROR)
        known = {name: run for name, run in known.items() if not given.only or name in given.only}
        runs = {BARE: training_loops.bare(subject), OURS: training_loops.ours(subject)}
        settled: list[str] = []
        if not given.no_fast:
            runs[FAST], settled = training_loops.fast(subject, given.budget)
        flops = {name: training_loops.flops(subject, name == OURS) for name in (BARE, OURS)}
        cpu: dict[str, list[float]] = {}

        def timed(name: str, run: training_subjects.Run) -> float:
            quiet.wait()
            clock = training_subjects.Clock()
            run(clock)
            if torch.get_num_threads() != given.threads:
                raise RuntimeError(f"{name} computes with {torch.get_num_threads()} threads")
            cpu.setdefault(name, []).append(clock.cpu)
            return clock.wall

        runs |= known
        others = quiet.Others()
        wall = rounds.alternate({name: (lambda n=name, r=run: timed(n, r)) for name, run in runs.items()}, given.rounds)  # type: ignore[misc]
        share = others.share()
    cpu = {name: each[1:] for name, each in cpu.items()}  # the first was the warm-up
    return [
        f"### {subject.title}",
        "",
        f"{subject.steps} steps a run, {given.rounds} rounds, {given.threads} threads; "
        f"{training_subjects.count(subject.nets()):,} parameters in every variant. "
        + "; ".join(f"{name}: {count / 1e9:.3f} GFLOP a step" for name, count in flops.items())
        + f". {peaks} Others used {share:.0%} of the machine meanwhile."
        + (f" Not installed, so left out: {', '.join(missing)}." if missing else ""),
        "",
        *_speeds(subject, wall, cpu),
        "",
        *settled,
        *_bars(wall, subject.fast(quick)),
        "",
    ]


def _speeds(subject: object, wall: dict[str, list[float]], cpu: dict[str, list[float]]) -> list[str]:
    batch, steps = subject.batch, subject.steps  # type: ignore[attr-defined]
    rows = ["| loop | samples/s | x bare | CPU ms a step | CPU, x bare |", "|---|---|---|---|---|"]
    for name, seconds in wall.items():
        speed = f"{steps * batch / statistics.median(seconds):,.0f} | {rounds.ratio(wall[BARE], seconds)}"
        work = f"{statistics.median(cpu[name]) / steps * 1e3:.2f} | {rounds.ratio(cpu[name], cpu[BARE])}"
        rows.append(f"| {name} | {speed} | {work} |")
    return rows


def _bars(wall: dict[str, list[float]], fast: float) -> list[str]:
    """Return each bar with what was measured; it is reached where the interval reaches it."""
    asked = [(OURS, BARE, 0.97)] + ([(FAST, BARE, fast)] if FAST in wall else [])
    asked += [(OURS, name, 1.0) for name in wall if name not in (BARE, OURS, FAST)]
    rows = ["| speed of | over that of | bar | measured | reached |", "|---|---|---|---|---|"]
    for name, other, bar in asked:
        found = rounds.ratio(wall[other], wall[name])
        reached = "yes, by all of the interval" if found.low >= bar else "yes" if found.high >= bar else "no"
        rows.append(f"| {name} | {other} | >= {bar:.2f} | {found} | {reached} |")
    return rows


if __name__ == "__main__":
    main()
