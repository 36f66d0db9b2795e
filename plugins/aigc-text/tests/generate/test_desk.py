"""Texts side by side are, to the token and the number, what each is alone, whoever comes and goes beside it."""

import gc
import itertools
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.errors import NotAvailable, WrongUse
from aigc_text.generate import rows
from aigc_text.generate.choose import choose, logprob
from aigc_text.generate.desk import Desk, RowFailed
from aigc_text.generate.penalties import penalised
from aigc_text.generate.settings import Settings


def alone(engine, tokenizer, request):
    """Tokens, log-probabilities and finish of one text, by the shortest loop: no cache, no stop string."""
    settings, limit = Settings.of(request.options), engine.context
    text = list(request.tokens)
    if limit and len(text) >= limit:
        text = text[-max(limit // 2, limit - settings.max_new_tokens) :]
    prompt, held, made, finish = len(text), list(text), [], ""
    while not finish:
        logits = engine.answer(held)
        place = len(text) - prompt
        scores = penalised(logits, np.array(text), place, settings)
        token = choose(scores, 0.0 if settings.greedy else float(request.uniform[place]), settings)
        text.append(token)
        made.append((token, logprob(logits, token)))
        held = text[-max(2, limit // 2) :] if len(held) == limit else [*held, token]
        if token in tokenizer.ends:
            finish = "stop"
        elif len(made) == settings.max_new_tokens:
            finish = "length"
        elif len(text) == limit and not settings.slide:
            finish = "context"
    return made, finish


def gathered(pieces):
    """By row: tokens with log-probabilities and the finish, and the text."""
    made, texts = {}, {}
    for piece in pieces:
        tokens, finish = made.get(piece.row, ([], ""))
        assert not finish, "a piece after the end"
        made[piece.row] = ([*tokens, (piece.token, piece.logprob)], piece.finish)
        texts[piece.row] = texts.get(piece.row, "") + piece.text
    return made, texts


def run(desk):
    pieces = []
    while step := desk.step():
        pieces += step
    return pieces


def check(engine, tokenizer, desk, requests):
    """Add the requests, and compare what comes with what each is alone."""
    numbers = [desk.add(request) for request in requests]
    made, texts = gathered(run(desk))
    for number, request in zip(numbers, requests, strict=True):
        assert made[number] == alone(engine, tokenizer, request)
        assert texts[number] == tokenizer.decode([token for token, _ in made[number][0] if token not in tokenizer.ends])


@pytest.mark.parametrize("steady", [True, False])
def test_unequal_prompts_and_options_are_each_as_alone(toy, tokenizer, asked, steady):
    engine = toy()
    requests = [
        asked("ab", 0),
        asked("abc.", 1, temperature=0.5, top_k=3),
        asked("m", 2, temperature=0, repetition_penalty=1.3),
        asked("abcdefg", 3, top_p=0.5, no_repeat_ngram=2, max_new_tokens=3),
        asked("ab", 4, frequency_penalty=1.0, presence_penalty=-0.5, logit_bias=["3=4"]),
    ]
    check(engine, tokenizer, Desk(engine, tokenizer, 5, steady), requests)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.text("abcm.", min_size=1, max_size=9)), min_size=1, max_size=5),
    st.booleans(),
)
def test_a_sample_is_the_same_beside_any_others_and_in_any_order(toy, tokenizer, asked, samples, steady):
    engine = toy(context=16, end=0.0)
    requests = [asked(prompt, index, max_new_tokens=12) for index, prompt in samples]
    check(engine, tokenizer, Desk(engine, tokenizer, len(requests), steady), requests)


@given(st.integers(2, 12), st.integers(1, 40), st.integers(1, 30), st.booleans())
def test_a_text_slides_through_a_context_of_any_length(toy, tokenizer, asked, context, prompt, new, steady):
    engine = toy(context=context)
    generator = np.random.default_rng(prompt)
    requests = [
        asked(generator.integers(1, 9, prompt).tolist(), 0, max_new_tokens=new, overflow="slide"),
        asked("m", 1, max_new_tokens=30, overflow="slide"),
    ]
    check(engine, tokenizer, Desk(engine, tokenizer, 2, steady), requests)


def test_the_first_tokens_cost_no_step_and_a_late_text_joins_the_others(toy, tokenizer, asked):
    engine = toy()
    desk = Desk(engine, tokenizer, 3)
    requests = [asked("ab", 0), asked("cd", 1), asked("ef", 2)]
    numbers = [desk.add(requests[0]), desk.add(requests[1])]
    pieces = desk.step()
    assert [piece.row for piece in pieces] == numbers
    assert engine.caches[0].stepped == []
    numbers.append(desk.add(requests[2]))
    assert desk.free == 0
    pieces += desk.step()
    assert engine.caches[0].stepped == [[0, 1]]
    assert [piece.row for piece in pieces] == [0, 1, 0, 1, 2]
    made, _ = gathered(pieces + run(desk))
    assert made == {
        number: alone(engine, tokenizer, request) for number, request in zip(numbers, requests, strict=True)
    }
    assert desk.step() == []
    assert desk.free == 3


def test_a_desk_that_is_not_steady_computes_the_living_and_a_steady_one_all_until_the_end(toy, tokenizer, asked):
    for steady, expected in ((False, [[0, 1], [1], [1]]), (True, [[0, 1]] * 3)):
        engine = toy()
        desk = Desk(engine, tokenizer, 4, steady)
        desk.add(asked("ab", 0, max_new_tokens=2, temperature=0))
        desk.add(asked("cd", 1, max_new_tokens=4, temperature=0))
        run(desk)
        assert engine.caches[0].stepped == expected
        assert engine.caches[0].held == [[]] * 4
        assert desk.free == 4


def test_a_steady_desk_computes_a_row_that_ended_beyond_its_place(toy, tokenizer, asked):
    engine = toy(context=8)
    desk = Desk(engine, tokenizer, 2, steady=True)
    check(
        engine, tokenizer, desk, [asked("abcdef", 0), asked("a", 1, max_new_tokens=40, overflow="slide", temperature=0)]
    )
    assert {len(step) for step in engine.caches[0].stepped} == {2}


def test_a_steady_desk_is_filled_before_it_begins_and_can_be_filled_again(toy, tokenizer, asked):
    desk = Desk(toy(), tokenizer, 2, steady=True)
    desk.add(asked(max_new_tokens=3))
    desk.step()
    with pytest.raises(WrongUse, match="steady"):
        desk.add(asked())
    run(desk)
    assert desk.add(asked()) == 1


@pytest.mark.parametrize("steady", [True, False])
def test_a_text_that_is_dropped_changes_no_other_one(toy, tokenizer, asked, steady):
    engine = toy()
    desk = Desk(engine, tokenizer, 3, steady)
    requests = [asked("ab", 0), asked("abc", 1), asked("m", 2)]
    for request in requests:
        desk.add(request)
    pieces = [*desk.step(), *desk.step()]
    desk.drop(1)
    later = run(desk)
    assert 1 not in {piece.row for piece in later}
    made, _ = gathered([piece for piece in pieces + later if piece.row != 1])
    assert made == {number: alone(engine, tokenizer, requests[number]) for number in (0, 2)}
    assert desk.free == 3
    number = desk.add(requests[1])
    for gone in (0, 1, 2, 99):
        desk.drop(gone)  # too late: they are nobody's
    assert gathered(run(desk))[0] == {number: alone(engine, tokenizer, requests[1])}


def test_a_prompt_is_shared_with_one_like_it_that_has_not_moved_and_fed_otherwise(toy, tokenizer, asked):
    engine = toy()
    desk = Desk(engine, tokenizer, 5)
    requests = [asked("abc", 0), asked("abc", 1), asked("abd", 2)]
    first = desk.add(requests[0])
    numbers = [first, desk.add(requests[1], like=first), desk.add(requests[2], like=first)]
    cache = engine.caches[0]
    assert cache.shared == [(0, 1)]
    assert [row for row, _ in cache.fed] == [0, 2]
    pieces = desk.step()
    numbers.append(desk.add(requests[1], like=first))  # it has moved
    numbers.append(desk.add(requests[1], like=77))
    assert [row for row, _ in cache.fed] == [0, 2, 3, 4]
    made, _ = gathered(pieces + run(desk))
    expected = [alone(engine, tokenizer, request) for request in (*requests, requests[1], requests[1])]
    assert [made[number] for number in numbers] == expected


def finish_of(engine, tokenizer, request):
    made, texts = gathered(run_one(engine, tokenizer, request))
    return made[0][1], texts[0], [token for token, _ in made[0][0]]


def run_one(engine, tokenizer, request):
    desk = Desk(engine, tokenizer, 1)
    desk.add(request)
    return run(desk)


def saying(tokens):
    """Answers by which the likeliest text goes through these tokens, over and over, after a prompt of one token."""

    def answer(held):
        logits = np.zeros(20, np.float32)
        logits[tokens[(len(held) - 1) % len(tokens)]] = 9
        return logits

    return answer


def test_every_reason_to_finish(toy, tokenizer, asked):
    engine = toy(context=10, answer=saying([1, 2, 3]))  # a b c
    greedy = {"temperature": 0, "max_new_tokens": 30}
    assert finish_of(engine, tokenizer, asked("m", **greedy)) == ("context", "abcabcabc", [1, 2, 3] * 3)
    assert finish_of(engine, tokenizer, asked("m", **greedy | {"max_new_tokens": 4})) == (
        "length",
        "abca",
        [1, 2, 3, 1],
    )
    full = greedy | {"max_new_tokens": 9}  # both at once: it has what was asked for
    assert finish_of(engine, tokenizer, asked("m", **full)) == ("length", "abcabcabc", [1, 2, 3] * 3)
    finish, text, tokens = finish_of(engine, tokenizer, asked("m", stop=["ca"], **greedy))
    assert (finish, text) == ("stop", "ab")
    assert tokens[:4] == [1, 2, 3, 1]
    ending = toy(context=10, answer=saying([1, 2, 0]))
    assert finish_of(ending, tokenizer, asked("m", **greedy)) == ("stop", "ab", [1, 2, 0])
    finish, text, tokens = finish_of(
        toy(context=10, answer=saying([1])), tokenizer, asked("m", overflow="slide", **greedy)
    )
    assert (finish, text) == ("length", "a" * 30)
    unbounded = toy(context=0, answer=saying([1]))
    assert finish_of(unbounded, tokenizer, asked("m", **greedy))[0] == "length"


def test_a_stop_string_at_the_very_end_and_text_that_was_held_back_for_one(toy, tokenizer, asked):
    engine = toy(answer=saying([1, 2, 3]))
    stopped = asked("m", stop=["c"], temperature=0, max_new_tokens=3)
    assert finish_of(engine, tokenizer, stopped)[:2] == ("stop", "ab")
    released = asked("m", stop=["cab!"], temperature=0, max_new_tokens=4)
    assert finish_of(engine, tokenizer, released)[:2] == ("length", "abca")
    ending = toy(answer=saying([1, 2, 0]))
    assert finish_of(ending, tokenizer, asked("m", stop=["bc"], temperature=0))[:2] == ("stop", "ab")
    assert finish_of(ending, tokenizer, asked("m", stop=["b"], temperature=0))[:2] == ("stop", "a")


def test_a_stop_string_across_tokens_hides_what_it_begins_with(toy, tokenizer, asked):
    engine = toy(answer=saying([16, 17, 3, 4, 1]))  # ab cd c d a
    shown = [piece.text for piece in run_one(engine, tokenizer, asked("m", stop=["bcdcda"], temperature=0))]
    assert "".join(shown) == "a"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": ""}, "no token"),
        ({"prompt": [3, 20]}, "token 20, the model knows 0 to 19"),
        ({"prompt": [-1, 3]}, "token -1"),
        ({"prompt": "a" * 64}, "64 tokens, the model holds 64"),
        ({"logit_bias": ["20=1"]}, "token 20"),
        ({"noise": 19}, "20 new tokens"),
        ({"temperature": 0, "top_k": 3}, "no effect"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_computed(toy, tokenizer, asked, change, words):
    engine = toy()
    desk = Desk(engine, tokenizer, 2)
    with pytest.raises(WrongUse, match=words):
        desk.add(asked(**change))
    assert engine.caches[0].fed == []
    assert desk.free == 2


def test_too_long_a_prompt_names_the_way_out(toy, tokenizer, asked):
    with pytest.raises(WrongUse) as caught:
        Desk(toy(), tokenizer, 1).add(asked("a" * 70))
    assert "--overflow slide" in caught.value.hint


def test_noise_outside_its_range_is_refused(toy, tokenizer, asked):
    for wrong in (np.nan, -0.1, 1.5):
        request = asked()
        request.uniform[3] = wrong
        with pytest.raises(WrongUse, match="noise"):
            Desk(toy(), tokenizer, 1).add(request)
    with pytest.raises(WrongUse, match="shape"):
        Desk(toy(), tokenizer, 1).add(asked()._replace(uniform=np.zeros((2, 300), np.float32)))


def test_no_more_noise_is_asked_for_than_a_text_can_use(toy, tokenizer, asked):
    Desk(toy(), tokenizer, 1).add(asked(noise=0, temperature=0))
    Desk(toy(context=10), tokenizer, 1).add(asked("abcde", noise=5, max_new_tokens=1000))
    with pytest.raises(WrongUse, match="6 new tokens"):
        Desk(toy(context=10), tokenizer, 1).add(asked("abcd", noise=5, max_new_tokens=1000))
    with pytest.raises(WrongUse, match="1,000 new tokens"):
        Desk(toy(context=10), tokenizer, 1).add(asked("abcde", noise=5, max_new_tokens=1000, overflow="slide"))


def test_a_full_desk_refuses(toy, tokenizer, asked):
    desk = Desk(toy(), tokenizer, 1)
    desk.add(asked())
    with pytest.raises(WrongUse, match="free"):
        desk.add(asked())


def test_how_much_slid_away_is_said(toy, tokenizer, asked):
    desk = Desk(toy(context=10), tokenizer, 2)
    number = desk.add(asked("abcdefghijklmabc", max_new_tokens=3, overflow="slide", temperature=0))
    assert desk.slid == {number: 9}  # 7 stay: with 3 new ones the context is full
    long = desk.add(asked("a", max_new_tokens=30, overflow="slide", logit_bias=["0=-100"]))
    assert desk.slid[long] == 0
    for _ in range(10):
        desk.step()
    assert desk.slid == {long: 0}
    desk.step()  # 10 computed, the 11th is to come: the last 5 stay
    assert desk.slid == {long: 6}


def broken(engine, when):
    """An engine whose logits are NaN for texts that begin with ``when``, from three tokens on."""

    def answer(held):
        logits = engine._answer(held)
        return np.full_like(logits, np.nan) if held[0] == when and len(held) >= 3 else logits

    engine.answer = answer
    return engine


@pytest.mark.parametrize("steady", [True, False])
def test_a_text_that_fails_leaves_the_others_as_they_are(toy, tokenizer, asked, steady):
    engine = broken(toy(), tokenizer.encode("m")[0])
    desk = Desk(engine, tokenizer, 4, steady)
    requests = [asked("ab", 0), asked("mb", 1), asked("cd", 2), asked("ma", 3)]
    for request in requests:
        desk.add(request)
    pieces = desk.step()
    for number in (1, 3):
        with pytest.raises(RowFailed, match="NaN") as caught:
            desk.step()
        assert caught.value.row == number
        assert isinstance(caught.value.cause, NotAvailable)
        assert caught.value.exit_code == NotAvailable.exit_code
    kept = desk.step()
    assert [piece.row for piece in kept] == [0, 2]
    made, _ = gathered([piece for piece in pieces + kept + run(desk) if piece.row in (0, 2)])
    assert made == {number: alone(engine, tokenizer, requests[number]) for number in (0, 2)}
    assert desk.free == 4


def test_options_that_rule_every_token_out_end_that_text_alone(toy, tokenizer, asked):
    engine = toy()
    desk = Desk(engine, tokenizer, 2)
    desk.add(asked([0, 1, 2], 0, no_repeat_ngram=1, max_new_tokens=40))  # not even the end is left at last
    number = desk.add(asked("ab", 1, max_new_tokens=40, logit_bias=["0=-100"]))
    pieces = list(itertools.chain.from_iterable(desk.step() for _ in range(17)))  # 17 tokens are not in its prompt
    with pytest.raises(RowFailed, match="no_repeat_ngram 1"):
        desk.step()
    made, _ = gathered([piece for piece in pieces + run(desk) if piece.row == number])
    assert len(made[number][0]) == 40


def test_a_prompt_that_the_engine_fails_at_leaves_its_row_free(toy, tokenizer, asked):
    engine = toy()
    desk = Desk(engine, tokenizer, 1)

    def fail(held):
        raise MemoryError

    engine.answer = fail
    with pytest.raises(MemoryError):
        desk.add(asked())
    engine.answer = engine._answer
    assert desk.free == 1
    check(engine, tokenizer, desk, [asked()])


def test_the_cache_goes_with_the_desk_at_once(toy, tokenizer, asked):
    gc.disable()
    try:
        engine = broken(toy(), tokenizer.encode("m")[0])
        desk = Desk(engine, tokenizer, 2)
        for prompt in ("ab", "mb"):
            desk.add(asked(prompt))
        desk.step()
        with pytest.raises(RowFailed):
            desk.step()
        cache = weakref.ref(engine.caches.pop())
        assert cache() is not None
        del desk
        assert cache() is None
    finally:
        gc.enable()


class OneLate(rows.Row):
    """Chooses every token by the next one's noise."""

    def take(self, number, logits):
        self._uniform = np.roll(self._uniform, -1)
        return super().take(number, logits)


def test_a_saboteur_desk_that_takes_the_wrong_noise_is_seen(toy, tokenizer, asked, monkeypatch):
    monkeypatch.setattr("aigc_text.generate.desk.Row", OneLate)
    engine = toy()
    with pytest.raises(AssertionError):
        check(engine, tokenizer, Desk(engine, tokenizer, 1), [asked("ab", 0)])


def test_a_saboteur_desk_that_mixes_rows_up_is_seen(toy, tokenizer, asked, monkeypatch):
    engine = toy()
    desk = Desk(engine, tokenizer, 2)
    step = desk._cache.step
    monkeypatch.setattr(desk._cache, "step", lambda rows, tokens: step(rows, tokens)[::-1])
    with pytest.raises(AssertionError):
        check(engine, tokenizer, desk, [asked("ab", 0), asked("cd", 1)])
