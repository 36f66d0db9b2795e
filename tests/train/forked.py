"""Runs command lines, each in a fork of this process, which has imported torch and the plugins' modules before.

Reads a line of JSON for each from the standard input and answers with one. A fork can kill itself at the n-th call that
it makes in a phase of a training, as the interpreter's profiler counts calls: the same moment each time, whatever the
machine is busy with.
"""

from __future__ import annotations

import contextlib
import functools
import json
import mmap
import os
import shutil
import signal
import struct
import sys
import tempfile

PHASES = ["start", "between", "step", "log", "evaluate", "sample", "write", "force", "rename", "remove", "export"]
"""What a training can be at: outside of its loop; between steps; in one; and so on."""
COUNTS = struct.Struct(f"={len(PHASES) + 2}q")  # the phase of the kill, calls in each phase, whether it ended


class Moments:
    """Counts calls by phase in memory that outlives the process, and strikes at one of them."""

    def __init__(self, shared: mmap.mmap, target: tuple[str, int] | None, number: int, twice: bool = False) -> None:
        self.shared, self.target, self.number, self.twice = shared, target, number, twice
        self.counts, self.phase = dict.fromkeys(PHASES, 0), "start"

    def __call__(self, frame: object, event: str, argument: object) -> None:
        if event in ("call", "c_call"):
            self.counts[self.phase] += 1
            if self.target == (self.phase, self.counts[self.phase]):
                self.note(PHASES.index(self.phase))
                self.target = (self.phase, self.counts[self.phase] + 50) if self.twice else None
                self.twice = False
                os.kill(os.getpid(), self.number)

    def note(self, hit: int) -> None:
        self.shared.seek(0)
        self.shared.write(COUNTS.pack(hit, *self.counts.values(), 0))

    def during(self, phase: str, function: object) -> object:
        """Return a function during which the phase is ``phase``."""

        @functools.wraps(function)
        def call(*given: object, **named: object) -> object:
            before, self.phase = self.phase, phase
            try:
                return function(*given, **named)
            finally:
                self.phase = before

        return call


def watched(moments: Moments) -> None:
    """Tell a training's phases apart."""
    from aigc_core.train import checkpoint, log, loop, training

    places = [
        (loop.Loop, "run", "between"),
        (training.Training, "advance", "step"),
        (log.Log, "append", "log"),
        (log.Log, "forced", "log"),
        (loop, "evaluate", "evaluate"),
        (loop, "sample", "sample"),
        (checkpoint, "write", "write"),
        (checkpoint, "_forced", "force"),
        (loop, "export", "export"),
    ]
    for owner, name, phase in places:
        setattr(owner, name, moments.during(phase, getattr(owner, name)))
    checkpoint.os = Stand(os, rename=moments.during("rename", os.rename))
    checkpoint.shutil = Stand(shutil, rmtree=moments.during("remove", shutil.rmtree))


class Stand:
    """A module with some functions replaced."""

    def __init__(self, module: object, **replaced: object) -> None:
        self.__dict__ |= vars(module) | replaced


def child(asked: dict, shared: mmap.mmap, streams: list[int]) -> None:
    # What lies on the standard input are the next command lines, and no prompt of a text model.
    for number, stream in enumerate([os.open(os.devnull, os.O_RDONLY), *streams]):
        os.dup2(stream, number)
    target, number, wanted = None, signal.SIGKILL, asked.get("count", False)
    if "kill" in asked:
        target = tuple(asked["kill"])
    if "signal" in asked:
        *target, number = asked["signal"]
        target = tuple(target)
    if "after" in asked:
        import threading

        timer = threading.Timer(asked["after"], os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    moments = Moments(shared, target, number, asked.get("twice", False))
    if target or wanted or "after" in asked:
        watched(moments)
    if target or wanted:
        sys.setprofile(moments)
    for setting, value in asked.get("limits", {}).items():
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(getattr(resource, setting), (value, value))
    from aigc_core.cli import outcome

    code = outcome(asked["arguments"])
    sys.setprofile(None)
    if target is not None or wanted:
        hit, *_ = COUNTS.unpack(shared[: COUNTS.size])
        moments.note(hit)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def serve(asked: dict) -> dict:
    with mmap.mmap(-1, COUNTS.size) as shared, contextlib.ExitStack() as stack:
        shared.write(COUNTS.pack(-1, *[0] * len(PHASES), 0))
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        number = os.fork()
        if number == 0:
            child(asked, shared, [file.fileno() for file in files])
        _, status = os.waitpid(number, 0)
        hit, *counts, _ = COUNTS.unpack(shared[: COUNTS.size])
        said = []
        for file in files:
            file.seek(0)
            said.append(file.read().decode())
    return {
        "returncode": os.waitstatus_to_exitcode(status),
        "stdout": said[0],
        "stderr": said[1],
        "hit": PHASES[hit] if hit >= 0 else "",
        "events": dict(zip(PHASES, counts, strict=True)),
    }


def main() -> None:
    import torch

    torch.set_num_threads(1)
    from aigc_core.cli import outcome

    answers = os.dup(1)
    os.dup2(2, 1)  # whatever else is printed
    for number, recipe in enumerate(sys.argv[1:]):  # so that all is imported, and every kernel chosen
        with tempfile.TemporaryDirectory() as folder:
            assert outcome(["train", recipe, "--quiet", "--out", f"{folder}/{number}"]) == 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    with open(answers, "w", encoding="utf-8") as stream:
        for line in sys.stdin:
            print(json.dumps(serve(json.loads(line))), file=stream, flush=True)


if __name__ == "__main__":
    main()
