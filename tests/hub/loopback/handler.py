"""One connection: reads requests, lets their faults happen, and sends answers."""

from __future__ import annotations

import json
import traceback
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from .errors import HubError
from .faults import Fault, pieces
from .routes import dispatch
from .store import Data

if TYPE_CHECKING:
    from .hub import LoopbackHub


class Request(NamedTuple):
    """One row of the log; the status is 0 where no answer was sent. The headers' names are in lower case."""

    method: str
    path: str
    status: int
    headers: dict[str, str]


class Handler(BaseHTTPRequestHandler):
    """The handler of both servers; ``hub`` and ``side`` are set by the subclass that is made for each."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: LoopbackHub
    side: str

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self) -> None:
        """Answer one request."""
        self.fault = self.hub.faults.take(f"{self.command} {self.path}")
        parts = urlsplit(self.path)
        self.route, self.query = parts.path, parse_qs(parts.query)
        try:
            self.body = self._read()
            self._meet(self.fault)
        except HubError as error:
            self.json({"error": error.message}, error.status, **error.headers)
        except ConnectionError:
            self.close_connection = True
        except Exception:
            # A request that this hub cannot digest is to be seen in the test that sent it.
            traceback.print_exc()
            self.fault = Fault()
            self.json({"error": f"The loopback hub failed: {traceback.format_exc()}"}, 500)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def _read(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise HubError(411, message="Length Required")
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _meet(self, fault: Fault) -> None:
        kind, arg = fault
        if kind == "drop":
            self.close_connection = True
            return self._record(0)
        if kind == "status":
            status, headers = arg if isinstance(arg, tuple) else (arg, {})
            raise HubError(status, message="injected", **headers)
        if kind == "limit":
            limits = {"Retry-After": str(arg), "RateLimit": f'"api";r=0;t={arg}'}
            raise HubError(429, message="You have been rate limited", **limits)
        if kind in ("redirect", "loop"):
            return self.reply(307, Location=arg if kind == "redirect" else self.path)
        if kind == "garbage":
            return self.reply(200, arg, **{"Content-Type": "application/json"})
        if kind == "expire":
            self.hub.links.expire(self.path)
        if kind == "delay":
            self.hub.wait(arg)
        return dispatch(self, self.side)

    def _record(self, status: int) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.hub.lock:
            self.hub.log.append(Request(self.command, self.path, status, headers))

    def reply(self, status: int, body: Data | memoryview = b"", start: int = 0, **headers: str) -> None:
        """Send an answer; ``start`` is the body's offset in the file that it is a part of."""
        if self.fault.kind == "short":
            body = memoryview(body)[: self.fault.arg]
        self._record(status)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            for piece in pieces(body, self.fault, start, self.hub.wait):
                self.wfile.write(piece)
            self.close_connection = self.close_connection or self.fault.kind == "truncate"

    def json(self, data: Any, status: int = 200, **headers: str) -> None:
        """Send an answer as JSON."""
        body = json.dumps(data, default=str).encode()
        self.reply(status, body, **{"Content-Type": "application/json", **headers})
