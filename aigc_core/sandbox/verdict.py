"""How a sandboxed process ended, by name."""

from __future__ import annotations

import os
import signal
from typing import Any

from aigc_core.sandbox.limits import Limits
from aigc_core.sandbox.tree import NOT_ENTERED

VERDICTS = {
    "finished": "it did its work and left nothing behind",
    "crashed": "it ended by itself with an error",
    "killed": "a signal ended it, such as a segmentation fault",
    "time": "it computed, or did nothing, for longer than it may",
    "memory": "it took more memory than it may",
    "processes": "it started more processes or threads than it may",
    "file": "it wrote a file larger than it may, or filled its scratch space",
    "output": "it left more in its output folder than it may",
    "flood": "it wrote more to its output streams than it may",
    "daemon": "it left processes running when it ended; they were killed",
    "stopped": "whoever started it wanted no more of it",
    "sandbox": "the sandbox itself could not be entered",
}
"""Every way to end, and what it means."""

_WORDS = {
    "memory": ("MemoryError", "std::bad_alloc", "Cannot allocate memory", "can't allocate memory", "not enough memory"),
    "processes": ("Resource temporarily unavailable", "can't start new thread"),
    "file": ("File too large", "No space left on device"),
}
"""What a process says when the kernel has refused it something: a hint for the name, and for nothing else."""


def named(broke: str, report: dict[str, Any], said: str, limits: Limits) -> tuple[str, str]:
    """Return a key of ``VERDICTS`` and one sentence on how a process ended.

    ``broke`` is the limit that the watch saw broken, ``report`` what the first process inside found (``status`` as
    ``os.wait`` gives it, ``left``), ``said`` the end of what it wrote.
    """
    if broke:
        return "time" if broke == "computing" else broke, f"It was stopped: {_limit(broke, limits)}."
    status = report.get("status")
    if status is None:
        reason = last_words(said)
        return "sandbox", f"The sandbox ended before the process in it did{': ' + reason if reason else ''}."
    if left := report.get("left"):
        return "daemon", f"It ended and left {left} process{'es' if left > 1 else ''} running, which were killed."
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU or (number == signal.SIGKILL and report.get("cpu_s", 0) > limits.cpu_s):
            return "time", f"It was stopped: {_limit('computing', limits)}."
        if number == signal.SIGXFSZ:
            return "file", f"It was stopped: {_limit('file', limits)}."
        return "killed", f"It was ended by the signal {_signal(number)}{_after(said)}."
    if not (code := os.WEXITSTATUS(status)):
        return "finished", ""
    if code == NOT_ENTERED and "the sandbox could not be entered" in said:
        return "sandbox", f"{last_words(said).capitalize()}."
    end = "\n".join(said.splitlines()[-3:])
    for name, words in _WORDS.items():
        if any(word in end for word in words):
            return name, f"It was refused more, as {_limit(name, limits)}, and ended{_after(said)}."
    return "crashed", f"It ended with code {code}{_after(said)}."


def _limit(name: str, limits: Limits) -> str:
    return {
        "time": f"it did nothing for more than {limits.idle_s:g} s, or waited for a disk or a child for longer",
        "stopped": "the judge was interrupted",
        "computing": f"it computed for more than {limits.cpu_s} s",
        "memory": f"it took more than {limits.memory_mb:,} MB of memory",
        "processes": f"it started more than {limits.tasks} processes and threads",
        "file": f"it wrote more than {limits.file_mb:,} MB into one file, or more than {limits.scratch_mb:,} MB or "
        f"{limits.scratch_files:,} entries of scratch files, or hid what it wrote in a folder that is closed or deep",
        "output": f"it wrote more than {limits.output_mb:,} MB or {limits.output_files:,} entries into its output "
        "folder, with a name or without, or hid them in a folder that is closed or deep",
        "flood": f"it wrote more than {limits.said_kb:,} kB to its output streams",
    }[name]


def _after(said: str) -> str:
    words = last_words(said)
    return f", saying: {words}" if words else " and said nothing"


def last_words(said: str) -> str:
    """Return the last line that is not empty, printable, cut to 300 characters."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = "".join(sign if sign.isprintable() else "?" for sign in lines[-1]) if lines else ""
    return text.rstrip(".")[:300]


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
