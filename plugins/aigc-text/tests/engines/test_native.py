"""The native engine against transformers, and against itself: cached and uncached, alone and beside others."""

import numpy as np
import pytest

pytest.importorskip("torch")
from aigc_text.engines.native import Native
from aigc_text.engines.sources import Source

EQUAL = {"rtol": 0, "atol": 1e-4}
CACHED = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="session")
def engines():
    return {}


@pytest.fixture
def engine(model, engines):
    """Return the model's engine, opened once a session."""
    key = str(model.folder)
    if key not in engines:
        engines[key] = Native(Source.of(model.config, model.weights).tensors(), "float32")
    return engines[key]


def whole(engine, text):
    return np.concatenate(list(engine.logits(text)))


def test_logits_are_those_of_transformers(model, engine, tokens):
    text = tokens(700)  # more than goes through at once
    found, wanted = whole(engine, text), model.logits(text)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, **EQUAL)
    assert np.abs(wanted).max() > 1  # or anything would agree


def test_greedy_tokens_are_those_of_transformers_over_200_steps(model, engine, tokens):
    prompt = tokens(9)
    cache, found = engine.cache(1, 256), []
    logits = cache.feed(0, prompt)
    for _ in range(200):
        found.append(int(logits.argmax()))
        logits = cache.step([0], [found[-1]])[0]
    import torch

    with torch.inference_mode():
        wanted = model.network.generate(
            torch.tensor([prompt]), do_sample=False, max_new_tokens=200, eos_token_id=None, pad_token_id=0
        )
    assert found == wanted[0, 9:].tolist()


def test_log_probabilities_of_a_long_text_are_those_of_transformers(model, engine, tokens):
    from aigc_text.generate.score import scores

    text = tokens(1000)
    logits = model.logits(text[:-1]).astype(np.float64)
    wanted = logits[np.arange(999), text[1:]] - np.log(np.exp(logits).sum(1))
    np.testing.assert_allclose(scores(engine, text).logprobs, wanted, rtol=1e-5)


def test_with_a_cache_as_without(engine, tokens):
    text = tokens(60)
    wanted, cache = whole(engine, text), engine.cache(2, 60)
    np.testing.assert_allclose(cache.feed(1, text[:20]), wanted[19], **CACHED)
    np.testing.assert_allclose(cache.feed(1, text[20:40]), wanted[39], **CACHED)  # a prompt may come in parts
    for place in range(40, 60):
        np.testing.assert_allclose(cache.step([1], [text[place]])[0], wanted[place], **CACHED)


def test_a_token_moves_nothing_before_it(engine, tokens):
    text = tokens(50)
    other = [*text[:30], (text[30] + 1) % 300, *text[31:]]
    one, two = whole(engine, text), whole(engine, other)
    assert np.array_equal(one[:30], two[:30])
    assert not np.allclose(one[30:], two[30:])


def test_prefix_sums_agree_with_the_whole(engine, tokens):
    from aigc_text.generate.score import scores

    text = tokens(80)
    total = scores(engine, text).logprobs
    for end in (2, 3, 40, 79):
        np.testing.assert_allclose(scores(engine, text[:end]).logprobs.sum(), total[: end - 1].sum(), rtol=1e-5)


def test_unequal_prompts_side_by_side_as_one_by_one(engine, tokens):
    prompts = [tokens(length, length) for length in (5, 31, 1, 12)]
    together = engine.cache(4, 64)
    for row, prompt in enumerate(prompts):
        together.feed(row, prompt)
    steps = [tokens(4, step) for step in range(6)]
    found = [together.step([0, 1, 2, 3], step) for step in steps]
    for row, prompt in enumerate(prompts):
        alone = engine.cache(1, 64)
        alone.feed(0, prompt)
        for step, logits in zip(steps, found, strict=True):
            np.testing.assert_allclose(alone.step([0], [step[row]])[0], logits[row], **CACHED)


def test_rows_come_and_go_and_no_other_notices(engine, tokens):
    text = [tokens(40, seed) for seed in range(4)]
    wanted = [whole(engine, row) for row in text]
    cache, at = engine.cache(4, 40), [3, 9, 5, 7]
    for row in range(4):
        cache.feed(row, text[row][: at[row]])
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = rng.permutation(4)[: rng.integers(1, 5)].tolist()
        logits = cache.step(rows, [text[row][at[row]] for row in rows])
        for row, found in zip(rows, logits, strict=True):
            np.testing.assert_allclose(found, wanted[row][at[row]], **CACHED)
            at[row] += 1
        assert [cache.length(row) for row in range(4)] == at


def test_a_prompt_is_fed_once_and_shared(engine, tokens):
    text = tokens(30)
    wanted, cache = whole(engine, text), engine.cache(3, 30)
    cache.feed(0, text[:20])
    cache.share(0, 2)
    cache.step([0], [7])  # the source goes on by itself
    np.testing.assert_allclose(cache.step([2], [text[20]])[0], wanted[20], **CACHED)
    cache.clear(0)
    np.testing.assert_allclose(cache.feed(0, text[:5]), wanted[4], **CACHED)


@pytest.mark.parametrize("dtype", ["int8", "int4", "bfloat16"])
def test_a_row_in_few_bits_depends_on_no_neighbour(models, dtype, tokens):
    model = models("llama")
    engine = Native(Source.of(model.config, model.weights).tensors(), dtype)
    one, other = engine.cache(2, 16), engine.cache(2, 16)
    for cache, seed in ((one, 1), (other, 2)):
        cache.feed(0, tokens(8))
        cache.feed(1, tokens(8, seed))
    first, second = one.step([0, 1], [1, 2]), other.step([0, 1], [1, 250])
    assert np.array_equal(first[0], second[0])
    assert not np.allclose(first[1], second[1])


@pytest.mark.parametrize(("dtype", "most"), [("bfloat16", 0.05), ("int8", 0.05), ("int4", 0.5)])
def test_fewer_bits_stay_near(models, dtype, most, tokens):
    model, text = models("llama"), tokens(64)
    engine = Native(Source.of(model.config, model.weights).tensors(), dtype)
    found, wanted = whole(engine, text), model.logits(text)
    assert 0 < np.linalg.norm(found - wanted) / np.linalg.norm(wanted) < most
