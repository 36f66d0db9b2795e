"""From what is asked to what is sent: the texts are queued, and their pieces go to the client as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aigc_core.interfaces.language_model import Piece
from aigc_core.serve.answers import Answer
from aigc_core.serve.batcher import Text
from aigc_core.serve.faults import Fault
from aigc_core.serve.limits import Limits
from aigc_core.serve.requests import Asked
from aigc_core.serve.served import Served
from aigc_core.serve.wire import Gone, Wire


class Events:
    """What comes of a request's texts, in the order in which it comes."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[int, Piece | Fault | Gone]] = asyncio.Queue()

    def put(self, choice: int, event: Piece | Fault | Gone) -> None:
        """Take an event of one of the texts."""
        self._queue.put_nowait((choice, event))

    async def next(self) -> tuple[int, Piece]:
        """Return the next piece and whose it is. Raises ``Fault``, or ``Gone`` where the client has left."""
        choice, event = await self._queue.get()
        if isinstance(event, Exception):
            raise event
        return choice, event


async def write(served: Served, asked: Asked, limits: Limits, wire: Wire) -> None:
    """Have the texts written and send them, at once or piece by piece.

    Raises ``Fault`` before anything is sent; an error after that is the stream's last event.
    """
    with served.batcher.hold(asked.texts) as texts:
        seed, prompts, wanted = await served.read(asked, limits)
        answer, events = Answer(asked, served.name, served.fingerprint, seed, prompts), Events()
        texts += [Text(each, partial(events.put, choice)) for choice, each in enumerate(wanted)]
        served.batcher.submit(texts)
        async with _watched(wire, events):
            choice, piece = await events.next()  # a text that cannot begin is refused by its status, streamed or not
            if asked.stream:
                await _stream(answer, choice, piece, events, wire)
                return
            answer.add(choice, piece)
            while not answer.is_done:
                answer.add(*await events.next())
    await wire.reply(200, answer.whole())


async def _stream(answer: Answer, choice: int, piece: Piece, events: Events, wire: Wire) -> None:
    await wire.begin_stream()
    for chunk in answer.first():
        await wire.event(chunk)
    try:
        while True:
            if shown := answer.add(choice, piece):
                await wire.event(shown)
            if answer.is_done:
                break
            choice, piece = await events.next()
    except Fault as fault:
        await wire.break_stream(fault)
        return
    if answer.asked.usage:
        await wire.event(answer.usage_chunk())
    await wire.end_stream()


@asynccontextmanager
async def _watched(wire: Wire, events: Events) -> AsyncIterator[None]:
    """Have ``Gone`` among the events when the client closes the connection."""

    async def watch() -> None:
        await wire.gone()
        events.put(0, Gone())

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
