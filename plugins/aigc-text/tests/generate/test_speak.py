"""Requests spoken together: equal prompts once, every text as alone, and nothing left when the reader goes."""

import gc
import itertools
import subprocess
import sys
import weakref

import pytest

from aigc_core.errors import WrongUse
from aigc_text.generate.speak import speak


def texts(pieces, rows):
    made = [[] for _ in range(rows)]
    for piece in pieces:
        made[piece.row].append((piece.text, piece.token, piece.logprob, piece.finish))
    return made


def test_continuations_of_one_prompt_are_each_what_they_are_alone_and_it_is_computed_once(toy, tokenizer, asked):
    engine = toy(end=0.0)
    requests = [asked("abc", index) for index in range(6)]
    together = texts(speak(engine, tokenizer, requests), 6)
    cache = engine.caches[-1]
    assert len(cache.fed) == 1
    assert cache.shared == [(0, row) for row in range(1, 6)]
    assert {len(step) for step in cache.stepped} == {6}
    for request, made in zip(requests, together, strict=True):
        assert texts(speak(engine, tokenizer, [request]), 1) == [made]
        assert made[-1][3]
        assert not any(finish for *_, finish in made[:-1])
    assert len({len(made) for made in together}) > 1


def test_order_and_company_change_no_text(toy, tokenizer, asked):
    engine = toy(end=0.0)
    requests = [
        asked("abc", 0),
        asked("m", 1, max_new_tokens=3),
        asked("abc", 2, temperature=0),
        asked("ab.", 3, stop=["a"]),
    ]
    single = [texts(speak(engine, tokenizer, [request]), 1)[0] for request in requests]
    for order in itertools.permutations(range(4), 3):
        made = texts(speak(engine, tokenizer, [requests[index] for index in order]), 3)
        assert made == [single[index] for index in order]


def test_the_cache_is_as_long_as_the_longest_text_can_be(toy, tokenizer, asked):
    for options, length in (({"max_new_tokens": 7}, 10), ({"max_new_tokens": 100}, 64)):
        engine = toy()
        list(
            speak(
                engine, tokenizer, [asked("a", temperature=0, max_new_tokens=1), asked("abc", temperature=0, **options)]
            )
        )
        assert engine.caches[0].limit == length
    engine = toy()
    list(speak(engine, tokenizer, [asked("a" * 100, overflow="slide", max_new_tokens=8)]))
    assert engine.caches[0].limit == 64


def test_a_wrong_request_is_refused_at_once_before_a_cache_is_made(toy, tokenizer, asked):
    engine = toy()
    with pytest.raises(WrongUse, match="no token"):
        speak(engine, tokenizer, [asked(), asked("")])
    assert engine.caches == []


def test_no_request_gives_no_piece(toy, tokenizer):
    assert list(speak(toy(), tokenizer, [])) == []


def test_the_reason_of_a_text_that_cannot_go_on_is_raised_as_it_is(toy, tokenizer, asked):
    request = asked([0, 1, 2], no_repeat_ngram=1, max_new_tokens=40)
    with pytest.raises(WrongUse, match="no_repeat_ngram 1 rules out"):
        list(speak(toy(), tokenizer, [request]))


def test_to_close_the_iterator_early_frees_everything_at_once(toy, tokenizer, asked):
    gc.disable()
    try:
        engine = toy()
        pieces = speak(engine, tokenizer, [asked("ab", 0), asked("ab", 1)])
        assert next(pieces).row == 0
        cache = weakref.ref(engine.caches.pop())
        assert cache() is not None
        pieces.close()
        assert cache() is None
    finally:
        gc.enable()


def test_speaking_imports_no_torch():
    code = "import sys, aigc_text.generate.speak; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
