"""A socket, an event loop around the application, and the way to an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.serve.app import App

STOP_SECONDS = 5.0
"""How long texts may go on after the server was told to stop."""
CONNECTIONS = 512
"""Open at once; one more is told to come back."""
KEEP_ALIVE_SECONDS = 75
"""How long a connection may rest between requests: longer than clients keep theirs, or one of them would now and then
ask on a connection that is just being closed."""
_TICK = 0.1


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address. Raises ``NotAvailable`` for a port in use, ``WrongUse`` for no address."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        raise WrongUse(f"{host} is no address of this machine.", "Try: --host 127.0.0.1") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise NotAvailable(f"Port {port} of {host} is in use.", "Try: --port 0, which takes a free one.") from error
        raise NotAvailable(
            f"Cannot listen at {host}, port {port}: {(error.strerror or str(error)).lower()}."
        ) from error
    return listener


def url(listener: socket.socket, host: str) -> str:
    """Return the address at which clients find the API."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/v1"


async def serve(
    app: App, listener: socket.socket, started: Callable[[], None], is_told_to_stop: Callable[[], bool]
) -> None:
    """Serve until ``is_told_to_stop``; then refuse new texts, give those that are written ``STOP_SECONDS`` to end, and
    tell the clients of the others.

    Raises what a model does when it makes its desk, before anything listens. The socket is closed at the end.
    """
    import uvicorn

    from aigc_core.serve.connection import Connection, Server

    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # what goes wrong is reported by the application
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    begun = []
    with contextlib.closing(listener):
        try:
            for model in app.models.values():
                model.batcher.start()
                begun.append(model)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not (server.started or serving.done()):
                await asyncio.sleep(0.01)
            started()
            while not (is_told_to_stop() or serving.done()):
                await asyncio.sleep(_TICK)
            await _wind_down(app)
            server.should_exit = True
            await serving
        finally:
            for model in begun:
                model.close(STOP_SECONDS)


async def _wind_down(app: App) -> None:
    """Let texts end that do so in time, and break off the others."""
    app.is_stopping = True
    batchers = [model.batcher for model in app.models.values()]
    left = STOP_SECONDS
    while left > 0 and any(batcher.held for batcher in batchers):
        await asyncio.sleep(_TICK)
        left -= _TICK
    for batcher in batchers:
        batcher.stop()
    while left > -1 and any(batcher.held for batcher in batchers):  # their handlers send the last event
        await asyncio.sleep(_TICK)
        left -= _TICK
