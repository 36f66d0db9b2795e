"""Scoring: a token's log-probability after those before it, in windows where the text is longer than the context."""

import numpy as np
import pytest

from aigc_core.errors import WrongUse
from aigc_text.generate.score import scores

from .conftest import toy_logits


class Windowed:
    """Logits as ``conftest.toy_logits`` of all that a pass has seen; remembers the passes."""

    vocabulary = 20

    def __init__(self, context):
        self.context, self.passes = context, []

    def logits(self, tokens):
        self.passes.append(list(tokens))
        assert not self.context or len(tokens) <= self.context
        rows = np.stack([toy_logits(list(tokens[: end + 1]), 20) for end in range(len(tokens))])
        for start in range(0, len(rows), 3):  # some at a time
            yield rows[start : start + 3]


def text(count):
    return np.random.default_rng(0).integers(20, size=count).tolist()


def logprob(before, token):
    logits = toy_logits(before, 20).astype(np.float64)
    return logits[token] - np.log(np.exp(logits).sum())


@pytest.mark.parametrize("context", [0, 16, 17])
def test_each_token_after_those_before_it(context):
    tokens = text(16)
    found = scores(Windowed(context), tokens)
    assert found.tokens == tuple(tokens)
    assert found.logprobs.dtype == np.float32
    wanted = [logprob(tokens[:place], tokens[place]) for place in range(1, 16)]
    np.testing.assert_allclose(found.logprobs, wanted, rtol=1e-6)


@pytest.mark.parametrize("count", [17, 20, 24, 25, 41])
def test_a_longer_text_goes_through_in_windows_that_overlap_by_half(count):
    tokens, engine = text(count), Windowed(16)
    found = scores(engine, tokens).logprobs
    assert len(found) == count - 1
    for place, value in enumerate(found, start=1):
        before = [np.isclose(value, logprob(tokens[start:place], tokens[place]), rtol=1e-6) for start in range(place)]
        assert any(before[: max(1, place - 7)])  # from at least half a context, or all that there is


def test_a_window_that_forgets_would_be_seen():
    class Forgetful(Windowed):
        def logits(self, tokens):
            yield from super().logits([0, *tokens[1:]])

    tokens = text(12)
    assert not np.allclose(scores(Forgetful(0), tokens).logprobs, scores(Windowed(0), tokens).logprobs)


@pytest.mark.parametrize("count", [0, 1])
def test_a_text_of_no_tokens_cannot_be_scored(count):
    with pytest.raises(WrongUse, match="too few tokens"):
        scores(Windowed(8), text(count))


def test_huge_logits_are_no_trouble():
    class Huge(Windowed):
        def logits(self, tokens):
            yield np.full((len(tokens), 20), 3e4, np.float32)

    np.testing.assert_allclose(scores(Huge(0), text(4)).logprobs, -np.log(20), rtol=1e-6)
