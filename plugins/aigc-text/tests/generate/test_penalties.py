"""Penalties against transformers' processors and against their formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_text.generate.penalties import penalised
from aigc_text.generate.settings import Settings

VOCABULARY = 12
NUMBERS = st.one_of(st.floats(-50, 50, width=32), st.sampled_from([-np.inf, np.inf, 0.0]))
ROWS = st.lists(NUMBERS, min_size=VOCABULARY, max_size=VOCABULARY).map(lambda row: np.array(row, np.float32))
TEXTS = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=30).map(lambda text: np.array(text, np.int64))


@pytest.fixture(scope="module")
def processors():
    return pytest.importorskip("transformers.generation.logits_process", reason="the oracle is transformers")


def by(processor, tokens, logits):
    torch = pytest.importorskip("torch")
    return processor(torch.from_numpy(tokens.copy())[None], torch.from_numpy(logits.copy())[None])[0].numpy()


@given(ROWS, TEXTS, st.floats(0.1, 5))
def test_the_repetition_penalty_is_transformers(processors, logits, tokens, penalty):
    ours = penalised(logits, tokens, 0, Settings(repetition_penalty=penalty))
    expected = by(processors.RepetitionPenaltyLogitsProcessor(penalty), tokens, logits)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@given(ROWS, TEXTS, st.integers(1, 5))
def test_no_repeat_ngram_is_transformers(processors, logits, tokens, size):
    ours = penalised(logits, tokens, 0, Settings(no_repeat_ngram=size))
    assert np.array_equal(ours, by(processors.NoRepeatNGramLogitsProcessor(size), tokens, logits))


@given(ROWS, TEXTS, st.floats(-2, 2), st.floats(-2, 2), st.data())
def test_presence_and_frequency_count_new_tokens_alone(logits, tokens, presence, frequency, data):
    new = data.draw(st.integers(0, len(tokens)))
    settings = Settings(presence_penalty=presence, frequency_penalty=frequency)
    counts = np.bincount(tokens[len(tokens) - new :], minlength=VOCABULARY)
    expected = logits - presence * (counts > 0) - frequency * counts
    np.testing.assert_allclose(penalised(logits, tokens, new, settings), expected, rtol=1e-5, atol=1e-5)


@given(ROWS, TEXTS, st.floats(1e-300, 1e300), st.integers(1, 3))
def test_the_given_logits_stay_and_nothing_becomes_nan(logits, tokens, penalty, size):
    before = logits.copy()
    logits.flags.writeable = False
    settings = Settings(
        repetition_penalty=penalty,
        presence_penalty=2,
        frequency_penalty=-2,
        no_repeat_ngram=size,
        logit_bias=((3, 9.0),),
    )
    assert not np.isnan(penalised(logits, tokens, len(tokens), settings)).any()
    assert np.array_equal(logits, before)
    assert penalised(logits, tokens, 1, Settings(repetition_penalty=1.0)) is logits


def test_the_order_is_repetition_presence_and_frequency_bias_ngram():
    logits = np.array([4, -4, 1, 1], np.float32)
    settings = Settings(
        repetition_penalty=2,
        presence_penalty=0.5,
        frequency_penalty=0.25,
        logit_bias=((0, 10.0), (3, 5.0)),
        no_repeat_ngram=2,
    )
    changed = penalised(logits, np.array([1, 3, 0, 0, 1]), 3, settings)
    assert changed.tolist() == [4 / 2 - 0.5 - 0.5 + 10, -4 * 2 - 0.5 - 0.25, 1, -np.inf]
