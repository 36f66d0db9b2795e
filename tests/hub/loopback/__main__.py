"""Serve a folder of repositories until SIGTERM or SIGINT: ``python tests/hub/loopback FOLDER [PORT]``."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path


def main(folder: str | None = None, port: str = "0") -> None:
    """Print the line that points a client here, and serve."""
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from loopback import LoopbackHub

    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with LoopbackHub(folder, int(port)) as hub:
        print(f"HF_ENDPOINT={hub.url}", flush=True)
        done.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
