"""Continuous batching: one thread a model writes the texts of many requests side by side.

Each step computes one token of every text on the desk; between two steps texts that nobody waits for are dropped and
waiting ones take the free rows, first come first served (Yu et al., OSDI 2022, "Orca").
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, NamedTuple

from aigc_core.interfaces.language_model import Desk, LanguageModel, Piece, Request
from aigc_core.serve.faults import Fault, failed, from_error, reported

PROMPT_TOKENS = 512
"""How many tokens of new prompts may be fed between two steps of texts that are being written: who joins makes the
others wait for so long and no longer, but for a single prompt that is longer by itself."""


class Wanted(NamedTuple):
    """One text that waits for a row. Its noise is drawn when it gets one."""

    tokens: tuple[int, ...]
    options: Mapping[str, Any]
    seed: int
    sample: int
    """Which of the seed's samples: its noise depends on the two alone."""


class Text:
    """One text on its way: what is wanted, and who is told of its pieces, in the event loop's thread."""

    def __init__(self, wanted: Wanted, take: Callable[[Piece | Fault], None]) -> None:
        self.wanted, self.take = wanted, take
        self.gone = False
        """Nobody waits for it any more. Set by the event loop, seen by the batcher before its next step."""


class Batcher:
    """The desk of one model and the queue before it.

    ``hold``, ``submit`` and ``stop`` belong to the event loop's thread; everything else happens in the batcher's own.
    """

    def __init__(self, model: LanguageModel, rows: int, queue: int, report: Callable[[str], None]) -> None:
        self.model, self.rows, self.queue, self.report = model, rows, queue, report
        self.held = 0
        """Texts of all requests that are neither answered nor given up."""
        self._texts: set[Text] = set()
        self._closed = False
        self._inbox: SimpleQueue[Sequence[Text] | None] = SimpleQueue()
        self._waiting: deque[Text] = deque()
        self._written: dict[int, Text] = {}
        self._desk: Desk | None = None

    @property
    def is_idle(self) -> bool:
        """Say whether every row is free and nothing waits."""
        free = self._desk is None or self._desk.free == self.rows
        return free and not (self.held or self._waiting or self._written or self._inbox.qsize())

    def start(self) -> None:
        """Start the thread, for the running event loop. Raises what the model does when it makes its desk."""
        self._loop = asyncio.get_running_loop()
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="batcher", daemon=True)
        self._thread.start()
        ready.result()

    @contextmanager
    def hold(self, count: int) -> Iterator[list[Text]]:
        """Keep room for ``count`` texts of a request while it lasts, and give up at its end those that are not done.

        Raises ``Fault``: 400 where there can never be so much room, 429 where there is none now, 503 at the end.
        """
        room = self.rows + self.queue
        if count > room:
            raise Fault(400, f"This asks for {count:,} texts; the server holds at most {room} at once.", param="n")
        if self._closed:
            raise Fault(503, "The server is stopping.", code="stopping")
        if self.held + count > room:
            raise Fault(429, "The queue is full; ask again in a moment.", code="queue_full")
        self.held += count
        texts: list[Text] = []
        try:
            yield texts
        finally:
            self.held -= count
            self._texts.difference_update(texts)
            for text in texts:
                text.gone = True

    def submit(self, texts: Sequence[Text]) -> None:
        """Put texts into the queue."""
        self._texts.update(texts)
        self._inbox.put(texts)

    def stop(self) -> None:
        """Tell everybody who still waits that the server is stopping, and end the thread after its step."""
        self._closed = True
        for text in list(self._texts):
            if not text.gone:
                text.take(Fault(503, "The server is stopping.", code="stopping"))
                text.gone = True
        self._inbox.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the thread to end, after ``stop``."""
        self._thread.join(seconds)

    def _run(self, ready: Future[None]) -> None:
        try:
            self._desk = self.model.desk(self.rows)
        except BaseException as error:
            ready.set_exception(error)
            return
        ready.set_result(None)
        while self._receive():
            try:
                self._drop_gone()
                self._add()
                if self._written and self._desk is not None:
                    self._tell([(self._written[piece.row], piece) for piece in self._desk.step()])
            except BaseException as error:  # a plugin's code may even exit; the server goes on
                self._fail(error)

    def _receive(self) -> bool:
        """Take what has come, and wait for it where there is nothing to do; say whether to go on."""
        while not self._inbox.empty() or not (self._waiting or self._written):
            if (texts := self._inbox.get()) is None:
                return False
            self._waiting.extend(texts)
        return True

    def _drop_gone(self) -> None:
        assert self._desk is not None or not self._written
        for row in [row for row, text in self._written.items() if text.gone]:
            del self._written[row]
            if self._desk is not None:
                self._desk.drop(row)
        if any(text.gone for text in self._waiting):
            self._waiting = deque(text for text in self._waiting if not text.gone)

    def _add(self) -> None:
        """Give free rows to waiting texts; equal prompts that come together are computed once."""
        if self._desk is None:  # the last one failed
            self._desk = self.model.desk(self.rows)
        rows: dict[tuple[int, ...], int] = {}
        fed = 0
        while self._waiting and self._desk.free:
            wanted = self._waiting[0].wanted
            like = rows.get(wanted.tokens)
            cost = len(wanted.tokens) if like is None else 0
            if fed and cost and fed + cost > PROMPT_TOKENS:
                return
            text = self._waiting.popleft()
            try:
                row = self._desk.add(self._request(wanted), like)
            except Exception as error:
                self._refuse(text, error)
                continue
            fed += cost
            rows.setdefault(wanted.tokens, row)
            self._written[row] = text

    def _request(self, wanted: Wanted) -> Request:
        from aigc_core.run.noise import draw

        (uniform,) = draw(self.model.noise, wanted.seed, [wanted.sample]).values()
        return Request(wanted.tokens, wanted.options, uniform[0])

    def _refuse(self, text: Text, error: Exception) -> None:
        fault = from_error(error)
        if fault.status >= 500:
            self.report(f"a text could not be begun: {reported(error)}")
        self._send([(text, fault)])

    def _tell(self, pieces: list[tuple[Text, Piece]]) -> None:
        for _, piece in pieces:
            if piece.finish:
                del self._written[piece.row]
        self._send([*pieces])

    def _fail(self, error: BaseException) -> None:
        """Give up every text on the desk, of which nothing is known now; and all that wait where none can be made."""
        texts = [*self._written.values()]
        if self._desk is None:
            texts += self._waiting
            self._waiting.clear()
        self._written.clear()
        self._desk = None
        self.report(f"a step failed, and {len(texts)} texts with it: {reported(error)}")
        self._send([(text, failed(error)) for text in texts])

    def _send(self, events: Sequence[tuple[Text, Piece | Fault]]) -> None:
        def take() -> None:
            for text, event in events:
                if not text.gone:
                    text.take(event)

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(take)
