"""A real server on a loopback port, with a toy model behind it."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the server is an extra")

from aigc_core.serve.app import App
from aigc_core.serve.limits import Limits
from aigc_core.serve.served import Served
from aigc_core.serve.server import listen, serve, url

BIGRAM = Path(__file__).with_name("bigram.py")
_spec = importlib.util.spec_from_file_location("bigram", BIGRAM)
assert _spec is not None
assert _spec.loader is not None
bigram = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bigram)


class Running:
    """A server in a thread of its own."""

    def __init__(
        self, delay: float = 0.0, rows: int = 4, queue: int = 8, key: str = "", limits: Limits | None = None
    ) -> None:
        self.said: list[str] = []
        self.model = bigram.Bigram(delay)
        weights = {"model.safetensors": "0" * 64}
        self.served = Served("toy", self.model, bigram.OPTIONS, weights, rows, queue, self.said.append)
        self.batcher = self.served.batcher
        self.app = App([self.served], "127.0.0.1", key, limits or Limits(), self.said.append)
        self.listener = listen("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        self.url = url(self.listener, "127.0.0.1")
        self._stop, self._started = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        assert self._started.wait(60)

    def _run(self) -> None:
        asyncio.run(serve(self.app, self.listener, self._started.set, self._stop.is_set))

    def tell_to_stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive()

    def wait_until_idle(self) -> None:
        """Every row is free and the queue empty, or the test fails."""
        wait_for(lambda: self.batcher.is_idle and not self.app._inside)
        assert self.batcher._desk in (None, self.model.desks[-1])  # None after a step that failed
        assert self.batcher._desk is None or self.batcher._desk.free == self.batcher.rows

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


def wait_for(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Running]]:
    """Start servers that end with the module."""
    running: list[Running] = []

    def run(**given: Any) -> Running:
        running.append(Running(**given))
        return running[-1]

    yield run
    for each in running:
        each.tell_to_stop()
    for each in running:
        each.close()


@pytest.fixture(scope="session")
def waiting() -> Callable[[Callable[[], Any]], None]:
    return wait_for


@pytest.fixture(scope="session")
def toy() -> Any:
    return bigram


@pytest.fixture
def server(start: Callable[..., Running], request: pytest.FixtureRequest) -> Running:
    """A server that the tests of a module share."""
    shared: dict[str, Running] = request.module.__dict__.setdefault("_shared", {})
    if "server" not in shared:
        shared["server"] = start()
    return shared["server"]


@pytest.fixture(scope="session")
def bigram_text() -> str:
    return BIGRAM.read_text(encoding="utf-8")
