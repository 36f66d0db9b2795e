"""A server that counts its connections, and ends them when it stops."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """One listening socket of 127.0.0.1, served by threads."""

    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], accepted: Callable[[], None]) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self._accepted = accepted
        self._open: set[socket.socket] = set()
        self._change = threading.Condition()

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening, end every connection, and wait a little for their threads."""
        self.shutdown()
        self.server_close()
        with self._change:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._change.wait_for(lambda: not self._open, timeout=2)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._accepted()
        with self._change:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._change:
            self._open.discard(request)
            self._change.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away, or is killed, is what some tests are about.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
