"""A toy engine whose logits are a hash of everything its row holds, and a toy tokenizer: each a few lines."""

import hashlib

import numpy as np
import pytest

from aigc_core.interfaces.language_model import Request

PIECES = ["<end>", *"abcdefghijklm. ", "ab", "cd", ". ", "ca"]
END = 0


class ToyTokenizer:
    size, ends = len(PIECES), frozenset({END})

    def encode(self, text):
        return [PIECES.index(letter) for letter in text]

    prompt = encode

    def decode(self, tokens):
        return "".join(PIECES[token] for token in tokens)


def toy_logits(tokens, vocabulary):
    seed = hashlib.sha256(bytes(tokens)).digest()
    return np.random.default_rng(list(seed)).normal(0, 2, vocabulary).astype(np.float32)


class ToyCache:
    """Holds every caller to the contract, and remembers what was asked of it."""

    def __init__(self, engine, rows, length):
        self.engine, self.limit, self.held = engine, length, [[] for _ in range(rows)]
        self.fed, self.stepped, self.shared = [], [], []

    def _append(self, row, tokens):
        assert all(type(token) is int and 0 <= token < self.engine.vocabulary for token in tokens)
        self.held[row] += tokens
        assert not self.limit or len(self.held[row]) <= self.limit
        return self.engine.answer(self.held[row])

    def feed(self, row, tokens):
        assert len(tokens) >= 1
        self.fed.append((row, list(tokens)))
        logits = self._append(row, tokens)
        logits.flags.writeable = False
        return logits

    def step(self, rows, tokens):
        assert len(set(rows)) == len(rows) == len(tokens) > 0
        assert all(self.held[row] for row in rows)
        self.stepped.append(list(rows))
        return np.stack([self._append(row, [token]) for row, token in zip(rows, tokens, strict=True)])

    def share(self, source, target):
        assert not self.held[target]
        assert self.held[source]
        self.shared.append((source, target))
        self.held[target] = list(self.held[source])

    def clear(self, row):
        self.held[row] = []

    def length(self, row):
        return len(self.held[row])


class ToyEngine:
    name, dtype = "toy", "float32"

    def __init__(self, context=64, vocabulary=20, answer=None, end=-3.0):
        self.context, self.vocabulary, self.caches, self.end = context, vocabulary, [], end
        self.answer = answer or self._answer

    def _answer(self, tokens):
        logits = toy_logits(tokens, self.vocabulary)
        logits[END] += self.end
        return logits

    def cache(self, rows, length):
        self.caches.append(ToyCache(self, rows, length))
        return self.caches[-1]

    def logits(self, tokens):
        yield np.stack([self.answer(list(tokens[: end + 1])) for end in range(len(tokens))])

    def environment(self):
        return {}


@pytest.fixture(scope="session")
def toy():
    """Builds engines: toy(context=..., vocabulary=..., answer=..., end=...)."""
    return ToyEngine


@pytest.fixture(scope="session")
def tokenizer():
    return ToyTokenizer()


@pytest.fixture(scope="session")
def asked():
    """Builds the request of sample ``index``: its noise depends on that alone."""

    def build(prompt="ab", index=0, noise=300, **options):
        tokens = tuple(ToyTokenizer().encode(prompt)) if isinstance(prompt, str) else tuple(prompt)
        uniform = np.random.default_rng([7, index]).random(noise, np.float32)
        return Request(tokens, {"max_new_tokens": 20} | options, uniform)

    return build
