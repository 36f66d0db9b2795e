"""One request on the wire, in ASGI's words: what still comes of it, and the answer as JSON or server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from aigc_core.serve.faults import Fault

LINGER_SECONDS, LINGER_BYTES = 2.0, 16_000_000
"""How long, and how much of, a body that was refused is read on: a client that still sends it would otherwise see its
connection break instead of the answer."""
_DONE = b"data: [DONE]\n\n"


class Gone(Exception):
    """The client has closed the connection: nobody waits for an answer."""


class Wire:
    """A request and its answer."""

    def __init__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._receive, self._send = receive, send
        self._comes = self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers
        """A part of the body is still to come."""

    async def part(self) -> bytes | None:
        """Return the next part of the body, and None after the last. Raises ``Gone``."""
        if not self._comes:
            return None
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        self._comes = message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def gone(self) -> None:
        """Return when the client has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reply(self, status: int, body: Mapping[str, Any]) -> None:
        """Send a whole answer."""
        await self._whole(status, body, {})
        await self._end()

    async def refuse(self, fault: Fault) -> None:
        """Send an error. Where the body has not been read to its end, the connection ends with it."""
        await self._whole(
            fault.status, fault.body(), fault.headers() | ({"connection": "close"} if self._comes else {})
        )
        with suppress(asyncio.TimeoutError, Gone):
            await asyncio.wait_for(self._linger(), LINGER_SECONDS)
        await self._end()

    async def _linger(self) -> None:
        left = LINGER_BYTES
        while left > 0 and (part := await self.part()) is not None:
            left -= len(part)

    async def begin_stream(self) -> None:
        """Begin an answer of events."""
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}
        await self._start(200, headers | {"x-accel-buffering": "no"})  # or a proxy in front would collect the words

    async def event(self, body: Mapping[str, Any]) -> None:
        """Send one event."""
        await self._data(b"data: " + _json(body) + b"\n\n")

    async def end_stream(self) -> None:
        """End an answer of events, as OpenAI does."""
        await self._end(_DONE)

    async def break_stream(self, fault: Fault) -> None:
        """End an answer of events by an error in the place of what is missing, and without ``[DONE]``."""
        await self.event(fault.body())
        await self._end()

    async def _whole(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        data = _json(body)
        own = {"content-type": "application/json", "content-length": str(len(data))}
        await self._start(status, {**own, **headers})
        await self._data(data)

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _data(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": False})


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
