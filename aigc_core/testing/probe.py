"""A fresh process that opens and uses one model, and writes down what it saw: network, files, output, time, memory.

What Python code does is heard through audit events (PEP 578); what compiled code does by itself is not. A sandbox holds
where this only listens.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from aigc_core.testing import fresh

_SOCKETS = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
_CHANGES = {
    "os.mkdir": 0, "os.rename": 1, "os.remove": 0, "os.rmdir": 0, "os.link": 1, "os.symlink": 1, "os.chmod": 0,
    "os.truncate": 0, "shutil.rmtree": 0, "shutil.copyfile": 1, "shutil.move": 1,
}  # fmt: skip
"""Events that change a file system, with the argument that says where."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


class Observed(NamedTuple):
    """What one process saw."""

    network: list[str]
    """What it asked of the network."""
    writes: list[str]
    """Files that it wrote, or changed, outside the temporary folder and the zoo's home."""
    output: str
    """What came to standard output."""
    cpu_seconds: float
    """From opening to some samples, of all its threads."""
    memory_mb: float
    """The most that it held, from its start; NaN where the system does not tell."""
    outdated: list[str]
    """Where it used what the core has deprecated."""


def observe(model: str) -> Observed:
    """Open and use a model in a process of its own. Raises ``CheckFailed`` with its last words where it ends early."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, "tmp")
        os.mkdir(temporary)
        environment = {**os.environ, "TMPDIR": temporary, "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("TORCHINDUCTOR_CACHE_DIR", None)  # torch says there where the temporary folder was
        seen, output = fresh.found("aigc_core.testing.probe", model, folder, model, environment)
    return Observed(**seen)._replace(output=output[:2000])


def main(model: str, result: str) -> None:
    """Use a model and write what was seen to a file."""
    import torch  # noqa: F401 - what the core itself needs is not the plugin's doing

    from aigc_core.run import load
    from aigc_core.testing import outdated, uses

    ears = _Ears()
    entry = load.resolve(model)
    files = load.fetch(entry, offline=True)
    sys.addaudithook(ears)
    began = time.process_time()
    with outdated.heard() as old:
        uses.everything(load.open_entry(entry, files, "cpu"))
    spent = time.process_time() - began
    ears.open = False
    found = Observed(ears.network, ears.writes, "", spent, _peak(), old)
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(found._asdict(), stream)


class _Ears:
    """An audit hook that writes down what a model should not do."""

    def __init__(self) -> None:
        from aigc_core.paths import home

        folders = [tempfile.gettempdir(), *map(home, ("cache", "config", "state", "data"))]
        self.allowed = tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)
        self.network: list[str] = []
        self.writes: list[str] = []
        self.open = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.open:
            return
        if event in _SOCKETS:
            self._note(
                self.network, lambda: f"{event} {arguments[-1] if event == 'socket.connect' else arguments[:2]!r}"
            )
        elif event == "open":
            path, mode, flags = arguments
            if (isinstance(flags, int) and flags & _WRITING) or (isinstance(mode, str) and mode.strip("rbtU")):
                self._changed(path)
        elif event in _CHANGES:
            self._changed(arguments[_CHANGES[event]])

    def _changed(self, path: Any) -> None:
        if isinstance(path, int):
            return  # an open file
        real = os.path.realpath(os.fsdecode(path))
        if not os.path.join(real, "").startswith(self.allowed) and not real.startswith(("/dev/", "/proc/self/")):
            self._note(self.writes, lambda: real)

    @staticmethod
    def _note(where: list[str], text: Callable[[], str]) -> None:
        if len(where) < 20:
            where.append(text())


def _peak() -> float:
    """Return the most memory that this process held, in megabytes of 10**6 bytes."""
    try:
        with open("/proc/self/status", encoding="ascii") as stream:
            line = next(line for line in stream if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    except (OSError, StopIteration):
        return float("nan")


if __name__ == "__main__":
    main(*sys.argv[1:])
