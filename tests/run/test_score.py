"""``score``: a text's log-probabilities, what they come to, and what cannot be scored."""

import itertools
import json
import math
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from aigc_core import load
from aigc_core.interfaces.language_model import Scores
from aigc_core.manifest.schema import schema

TEXT = "Once upon a time\nthere was é.\n"


@pytest.fixture
def score(talk):
    return lambda *arguments, **how: talk("score", *arguments, **how)


def test_the_measures_are_those_of_their_definitions(score):
    Path("a.txt").write_text(TEXT, "utf-8")
    code, out, err = score("bigram", "a.txt", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    jsonschema.Draft202012Validator(schema("score")).validate(found)
    model = load("bigram").generator
    tokens = model.encode(TEXT)
    logprobs = [np.float32(model.logprobs[pair]) for pair in itertools.pairwise(tokens)]
    assert found["token_ids"] == list(tokens)
    assert found["logprobs"] == [float(value) for value in logprobs]
    assert (found["tokens"], found["bytes"]) == (len(TEXT), len(TEXT) + 1)
    nats = -math.fsum(found["logprobs"])
    assert found["nats_per_token"] == nats / len(TEXT)
    assert found["bits_per_byte"] == nats / math.log(2) / (len(TEXT) + 1)
    assert (found["model"], found["plugin"]) == ("bigram:bigram", "bigram-zoo 1.0")
    assert found["environment"] == {
        **{"engine": "table", "dtype": "float64", "device": "cpu"},
        **{"numpy": np.__version__, "threads": 1},
    }


def test_a_person_reads_a_line(score):
    Path("a.txt").write_text(TEXT, "utf-8")
    code, out, err = score("bigram", "a.txt")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert out.startswith("a.txt: 30 tokens, ")
    assert " nats per token, " in out
    assert " bits per byte (31 bytes), by bigram." in out
    assert score("bigram", "-", stdin=TEXT)[1] == out.replace("a.txt", "-")


def test_what_is_impossible_to_a_model_is_still_json(score, monkeypatch):
    score("bigram", "-", stdin="a")
    import bigram_zoo.generators as generators

    impossible = Scores((1, 2, 3), np.array([-1, -np.inf], np.float32))
    monkeypatch.setattr(generators.Bigram, "score", lambda self, text: impossible)
    found = json.loads(score("bigram", "-", "--json", stdin="ab")[1])
    jsonschema.Draft202012Validator(schema("score")).validate(found)
    assert (found["logprobs"], found["nats_per_token"], found["bits_per_byte"]) == ([-1, None], None, None)
    assert "infinitely many nats per token" in score("bigram", "-", stdin="ab")[1]


def test_the_engine_can_be_named(score):
    found = json.loads(score("bigram-choice", "-", "--json", "--engine", "loop", "--threads", "3", stdin="ab")[1])
    environment = found["environment"]
    assert (environment["engine"], environment["dtype"], environment["threads"]) == ("loop", "float64", 3)


@pytest.mark.parametrize(
    ("words", "data", "code", "sentence"),
    [
        (["bigram"], b"", 2, "is empty, so there is nothing to score"),
        (["bigram"], b"\x89PNG\r\n\x1a\n", 2, "is no UTF-8 text (byte 0)"),
        (["bigram"], b"ab\0", 2, "is no text: it has null bytes"),
        (["bigram"], "图".encode(), 2, "'图', a character that this model has not seen"),
        (["bigram-base"], b"a", 2, "The text is one token to bigram-base, and nothing stands before it"),
        (["bigram-whole"], b"a", 2, "bigram-whole cannot score texts: it makes its texts whole, and is no language"),
        (
            ["dcgan-digits"],
            b"a",
            2,
            "dcgan-digits does not say how likely an image is; it can generate and interpolate.",
        ),
        (["bigram-raise", "--dtype", "int8"], b"a", 2, "so dtype cannot be 'int8'"),
        (["bigran"], b"a", 2, "Did you mean bigram?"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_is_one_sentence(score, words, data, code, sentence):
    Path("file").write_bytes(data)
    name, *flags = words
    for place in ("file", "-"):
        found, out, err = score(name, place, *flags, stdin=data)
        assert (found, out, err.count("\n")) == (code, "", 1)
        assert sentence in err


@pytest.mark.parametrize("file", ["gone", ".", "a\0b", ""])
def test_a_file_that_cannot_be_read_is_named(score, file):
    code, out, err = score("bigram", file)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "cannot be read" in err


def test_no_standard_input_is_no_fault_of_ours(score, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = score("bigram", "-")
    assert (code, err.count("\n")) == (3, 1)
    assert "The standard input cannot be read: it is closed" in err
