"""The desk and its queue, without HTTP."""

import asyncio

import pytest

from aigc_core.errors import NotAvailable
from aigc_core.interfaces.language_model import Piece
from aigc_core.serve import batcher as module
from aigc_core.serve.batcher import Batcher, Text, Wanted
from aigc_core.serve.faults import Fault

ENDLESS = {"temperature": 1.0, "max_new_tokens": 400, "logit_bias": ["256=-100"]}


class Told:
    """Texts with what came of each."""

    def __init__(self, batcher):
        self.batcher, self.events = batcher, []

    def ask(self, tokens, sample=0, **options):
        wanted = Wanted(tuple(tokens), ENDLESS | options, 1, sample)
        number = len(self.events)
        self.events.append([])
        text = Text(wanted, self.events[number].append)
        self.batcher.submit([text])
        return text

    async def until(self, condition):
        async with asyncio.timeout(60) if hasattr(asyncio, "timeout") else _Forever():
            while not condition():
                await asyncio.sleep(0.001)

    def ended(self, *numbers):
        return all(self.events[number] and is_last(self.events[number][-1]) for number in numbers)


class _Forever:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None


def is_last(event):
    return isinstance(event, Fault) or bool(event.finish)


def run(model, test, rows=2, queue=4):
    said = []

    async def main():
        batcher = Batcher(model, rows, queue, said.append)
        batcher.start()
        try:
            await test(batcher, Told(batcher))
        finally:
            batcher.stop()
            await asyncio.to_thread(batcher.join, 60)
            assert not batcher._thread.is_alive()

    asyncio.run(main())
    return said


def test_a_late_text_joins_those_that_are_written(toy):
    async def test(batcher, told):
        told.ask(b"long")
        await told.until(lambda: len(told.events[0]) > 5)
        told.ask(b"short", max_new_tokens=3)
        await told.until(lambda: told.ended(1))
        assert not told.ended(0)
        await told.until(lambda: told.ended(0))

    assert run(toy.Bigram(delay=0.002), test) == []


def test_first_come_first_served(toy):
    model = toy.Bigram(delay=0.001)

    async def test(batcher, told):
        for number in range(6):
            told.ask([65 + number], max_new_tokens=5)
        await told.until(lambda: told.ended(*range(6)))

    run(model, test)
    assert [request.tokens for request in model.seen] == [(65 + number,) for number in range(6)]


def test_long_prompts_join_one_by_one(toy, monkeypatch):
    monkeypatch.setattr(module, "PROMPT_TOKENS", 10)
    model, steps = toy.Bigram(delay=0.001), []

    async def test(batcher, told):
        step = batcher._desk.step
        batcher._desk.step = lambda: steps.append(len(batcher._desk.rows)) or step()
        batcher.submit([])  # the thread is at rest until all four are there
        texts = [
            Text(Wanted((65 + i,) * 8, ENDLESS | {"max_new_tokens": 9}, 1, 0), lambda event: None) for i in range(4)
        ]
        batcher.submit(texts)
        await told.until(lambda: len(model.seen) == 4 and batcher._desk.free == 4)

    run(model, test, rows=4)
    assert steps[:4] == [1, 2, 3, 4]


def test_equal_prompts_are_never_held_back(toy, monkeypatch):
    monkeypatch.setattr(module, "PROMPT_TOKENS", 10)
    model = toy.Bigram()

    async def test(batcher, told):
        done = []
        wanted = [Wanted((65,) * 50, ENDLESS | {"max_new_tokens": 2}, 1, i) for i in range(4)]
        batcher.submit([Text(each, done.append) for each in wanted])
        await told.until(lambda: sum(map(is_last, done)) == 4)

    run(model, test, rows=4)
    assert model.fed == 1


def test_what_is_given_up_in_the_queue_never_gets_a_row(toy):
    model = toy.Bigram(delay=0.002)

    async def test(batcher, told):
        texts = [told.ask([65 + number]) for number in range(4)]
        await told.until(lambda: told.events[0])
        texts[2].gone = True
        texts[0].gone = True
        await told.until(lambda: told.ended(1, 3))
        assert not told.events[2]
        assert not told.ended(0)

    run(model, test)
    assert [chr(request.tokens[0]) for request in model.seen] == ["A", "B", "D"]


def test_stop_tells_those_who_wait_and_those_who_are_written(toy):
    async def test(batcher, told):
        for number in range(3):
            told.ask([65 + number])
        await told.until(lambda: told.events[0] and told.events[1])
        batcher.stop()
        assert [told.events[number][-1].status for number in range(3)] == [503, 503, 503]
        with pytest.raises(Fault, match="stopping"), batcher.hold(1):
            pass

    run(toy.Bigram(delay=0.01), test)


def test_room_is_held_and_given_back(toy):
    async def test(batcher, told):
        with batcher.hold(6):
            with pytest.raises(Fault) as full, batcher.hold(1):
                pass
            assert full.value.status == 429
        with pytest.raises(Fault) as never, batcher.hold(7):
            pass
        assert never.value.status == 400
        with batcher.hold(6):
            pass
        assert batcher.held == 0

    run(toy.Bigram(), test)


def test_a_desk_that_cannot_be_made_is_known_at_the_start(toy, monkeypatch):
    def desk(self, rows):
        raise NotAvailable("There is not enough memory for 2 rows.")

    monkeypatch.setattr(toy.Bigram, "desk", desk)
    batcher = Batcher(toy.Bigram(), 2, 4, print)

    async def main():
        with pytest.raises(NotAvailable):
            batcher.start()

    asyncio.run(main())


def test_a_desk_that_cannot_be_made_again_fails_what_waits_and_is_tried_later(toy, monkeypatch):
    model = toy.Bigram()
    make, broken = model.desk, [False]

    def desk(rows):
        if broken[0]:
            raise MemoryError
        return make(rows)

    monkeypatch.setattr(model, "desk", desk)

    async def test(batcher, told):
        broken[0] = True
        told.ask(b"FAULT")
        await told.until(lambda: told.ended(0))
        told.ask(b"Once")
        await told.until(lambda: told.ended(1))
        assert told.events[1][0].status == 503
        broken[0] = False
        told.ask(b"Once", max_new_tokens=1)
        await told.until(lambda: told.ended(2))
        assert isinstance(told.events[2][0], Piece)

    said = run(model, test)
    assert [text.partition(",")[0] for text in said] == ["a step failed", "a step failed"]
