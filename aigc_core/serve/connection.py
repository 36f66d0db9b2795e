"""Uvicorn's connection and server with what they lack: a time for a request's head, for a client that reads nothing,
and errors that a program can read.

It is imported when a server starts, and by nothing else: uvicorn is an extra.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from aigc_core.serve.faults import Fault

HEAD_SECONDS = 10.0
"""From the connection, or from a later request's first byte, to the end of its head."""
STALL_SECONDS = 30.0
"""How long a client may read nothing of an answer that waits for it."""


class Connection(H11Protocol):
    """HTTP/1.1 on one connection."""

    head_seconds, stall_seconds = HEAD_SECONDS, STALL_SECONDS
    _late: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(self.head_seconds, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._late, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waits = (self.cycle is None or self.cycle.response_complete) and self.conn.trailing_data[0]
        if not waits and self._late is not None:
            self._late.cancel()
            self._late = None
        elif waits and self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self._too_late)

    def _too_late(self) -> None:
        """Close a connection on which a request's head, or nothing at all, has come in time."""
        if self.conn.trailing_data[0]:
            self._refuse(Fault(408, "The request did not arrive in time.", code="timeout"))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; h11 says which status that deserves, such as 431."""
        status = getattr(sys.exc_info()[1], "error_status_hint", 400)
        self._refuse(Fault(status, "This is no HTTP/1.1 request that can be read.", code="bad_request"))
        self.transport.close()

    def _refuse(self, fault: Fault) -> None:
        data = json.dumps(fault.body()).encode()
        own = [("content-type", "application/json"), ("content-length", str(len(data))), ("connection", "close")]
        head = h11.Response(status_code=fault.status, headers=own)
        try:
            parts = [self.conn.send(event) for event in (head, h11.Data(data=data), h11.EndOfMessage())]
        except h11.LocalProtocolError:  # in the middle of another answer
            self.transport.abort()
        else:
            self.transport.write(b"".join(part or b"" for part in parts))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        super().resume_writing()


class Server(uvicorn.Server):
    """A server that leaves signals to the command line."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
