"""The server's routes, and what every request passes on its way: host, key, route, body, queue.

It is a plain ASGI application: five routes need no framework.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aigc_core.serve import requests
from aigc_core.serve.faults import Fault, failed, reported
from aigc_core.serve.keys import check_host, check_key
from aigc_core.serve.limits import Limits, read_object
from aigc_core.serve.requests import Asked
from aigc_core.serve.served import Served
from aigc_core.serve.wire import Gone, Wire
from aigc_core.serve.write import write

Reader = Callable[[Mapping[str, Any], Mapping[str, Any], Limits], Asked]

MODELS = "/v1/models"


class App:
    """An ASGI application that serves language models."""

    def __init__(
        self, models: Sequence[Served], host: str, key: str, limits: Limits, report: Callable[[str], None]
    ) -> None:
        """``host`` is where the server listens, ``key`` what clients must know, or empty; ``report`` tells of faults
        in a sentence, and never raises."""
        self.models = {model.name: model for model in models}
        self.host, self.key, self.limits, self.report = host, key, limits, report
        self.is_stopping = False
        self._inside = 0
        self._most = sum(model.batcher.rows + model.batcher.queue for model in models)

    async def __call__(self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """Answer one request; whatever happens, the server goes on."""
        wire = Wire(scope, receive, send)
        try:
            check_host(self.host, wire.headers)
            if scope["path"] != "/health":
                check_key(self.key, wire.headers)
            await self._endpoint(scope["method"], scope["path"])(wire)
        except Fault as fault:
            await wire.refuse(fault)
        except Gone:
            return
        except Exception as error:
            self.report(f"a request failed: {reported(error)}")
            with suppress(Exception):  # its answer may have begun
                await wire.refuse(failed(error))

    def _endpoint(self, method: str, path: str) -> Callable[[Wire], Awaitable[None]]:
        """Return what answers a request. Raises ``Fault`` 404 for a path and 405 for a method that there is not."""
        routes: dict[str, tuple[str, Callable[[Wire], Awaitable[None]]]] = {
            "/health": ("GET", self._health),
            MODELS: ("GET", self._list),
            "/v1/completions": ("POST", lambda wire: self._write(wire, requests.completion)),
            "/v1/chat/completions": ("POST", lambda wire: self._write(wire, requests.chat)),
        }
        name = path.removeprefix(f"{MODELS}/")
        allowed, endpoint = routes.get(path) or ("GET", lambda wire: self._show(wire, name))
        if path not in routes and name == path:
            raise Fault(404, f"There is nothing at {path[:200]}; see {MODELS}.")
        if method != allowed:
            raise Fault(405, f"{path[:200]} takes {allowed}, not {method[:20]}.", allow=allowed)
        return endpoint

    async def _health(self, wire: Wire) -> None:
        """Say whether the server takes requests, and how many texts it has."""
        held = sum(model.batcher.held for model in self.models.values())
        status = "stopping" if self.is_stopping else "ok"
        await wire.reply(503 if self.is_stopping else 200, {"status": status, "texts": held})

    async def _list(self, wire: Wire) -> None:
        await wire.reply(200, {"object": "list", "data": [model.describe() for model in self.models.values()]})

    async def _show(self, wire: Wire, name: str) -> None:
        await wire.reply(200, self._model(name).describe())

    def _model(self, name: str) -> Served:
        if name not in self.models:
            text = f"There is no model {name[:200]} here; GET {MODELS} lists those there are."
            raise Fault(404, text, param="model", code="model_not_found")
        return self.models[name]

    async def _write(self, wire: Wire, read: Reader) -> None:
        if self.is_stopping:
            raise Fault(503, "The server is stopping.", code="stopping")
        if self._inside >= self._most:  # each asks for a text at least, so this one could get no place
            raise Fault(429, "The queue is full; ask again in a moment.", code="queue_full")
        self._inside += 1
        try:
            body = await read_object(wire, self.limits)
            served = self._model(requests.model_of(body))
            await write(served, read(body, served.schema, self.limits), self.limits, wire)
        finally:
            self._inside -= 1
