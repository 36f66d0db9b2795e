"""Which engine computes a model: chosen, recorded, and the same again; refused where there is no choice."""

import json
from pathlib import Path

import pytest

from aigc_core import load
from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.run import receipt as receipts


def found(model):
    return (model.generator.engine, model.generator.dtype, model.generator.threads)


def test_a_choice_is_passed_on(talk):
    assert found(load("bigram-choice")) == ("table", "float64", 2)
    assert found(load("bigram-choice", engine="loop", threads=5)) == ("loop", "float64", 5)
    assert found(load("bigram-choice", "cpu", dtype="float32")) == ("table", "float32", 2)
    assert load("bigram").language.environment()["threads"] == 1


@pytest.mark.parametrize("how", [{"engine": "table"}, {"dtype": "float64"}, {"threads": 1}], ids=str)
@pytest.mark.parametrize("name", ["bigram", "bigram-whole", "vae-digits"])
def test_where_there_is_no_choice_one_is_refused(talk, name, how):
    with pytest.raises(WrongUse, match=f"{name} is computed in one way only, so {next(iter(how))} cannot be"):
        load(name, **how)


@pytest.mark.parametrize(
    ("how", "error", "sentence"),
    [
        ({"engine": "gguf"}, WrongUse, "There is no engine gguf"),
        ({"dtype": "int8"}, NotAvailable, "table does not compute in int8"),
        ({"engine": None}, WrongUse, "are named by text"),
        ({"dtype": 32}, WrongUse, "are named by text"),
        ({"threads": "two"}, WrongUse, "threads is 'two', it takes a whole number"),
        ({"threads": -1}, WrongUse, "threads is -1"),
        ({"threads": 5000}, WrongUse, "threads is 5000, it takes a whole number from 0 to 1,024"),
    ],
    ids=str,
)
def test_a_choice_that_cannot_be_is_refused(talk, how, error, sentence):
    with pytest.raises(error, match=sentence):
        load("bigram-choice", **how)


def test_a_device_is_looked_at_wherever_it_is_not_the_cpu(talk):
    with pytest.raises(WrongUse, match="toaster is no device"):
        load("bigram", "toaster")


def test_it_is_made_again_as_it_was_made(talk):
    flags = ["--engine", "loop", "--threads", "7"]
    assert talk("run", "bigram-choice", "a", "-n", "3", *flags, "-o", "a.txt")[0] == 0
    receipt = receipts.read("a.txt")
    assert (receipt["engine"], receipt["dtype"], receipt["threads"]) == ("loop", "float64", 7)
    assert "every byte agrees" in talk("run", "--again", "a.txt", "-o", "b.txt")[1]
    assert receipts.read("b.txt") == receipt


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"engine": "torch", "torch": "2.10", "instructions": "AVX2"}, "engine was torch, is table"),
        ({"dtype": "int8"}, "dtype was int8, is float64"),
    ],
    ids=str,
)
def test_what_a_model_no_longer_has_is_said(talk, fields, said):
    """A receipt of a version that had another engine is still readable."""
    talk("run", "bigram-choice", "a", "-o", "a.txt")
    Path("a.txt.json").write_text(json.dumps(receipts.read("a.txt") | fields))
    code, out, err = talk("run", "--again", "a.txt")
    assert (code, err) == (0, "")
    assert "every sample agrees, but " in out
    assert said in out


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"engine": ["loop"]}, "engine is missing or of another type"),
        ({"dtype": None}, "dtype is missing or of another type"),
        ({"threads": 10**6}, "threads is no whole number from 1 to 1024"),
    ],
    ids=str,
)
def test_a_receipt_that_was_tampered_with_is_refused(talk, fields, sentence):
    talk("run", "bigram-choice", "a", "-o", "a.txt")
    Path("a.txt.json").write_text(json.dumps(receipts.read("a.txt") | fields))
    code, _, err = talk("run", "--again", "a.txt")
    assert (code, err.count("\n")) == (4, 1)
    assert sentence in err


def test_a_model_without_a_choice_is_made_again_whatever_its_receipt_says(talk):
    talk("run", "bigram", "a", "-o", "a.txt")
    Path("a.txt.json").write_text(json.dumps(receipts.read("a.txt") | {"engine": "other", "threads": 3}))
    out = talk("run", "--again", "a.txt")[1]
    assert "every sample agrees, but engine was other, is table; threads was 3, is 1" in out


def test_noise_that_tokens_cannot_be_chosen_by_is_refused(talk, monkeypatch):
    from aigc_core.interfaces import NoiseSpec

    load("bigram")
    import bigram_zoo.generators as generators

    for noise in ({}, {"a": NoiseSpec((4,), "normal")}, {"a": NoiseSpec((4, 4), "uniform")}):
        monkeypatch.setattr(generators.Bigram, "noise", noise)
        with pytest.raises(NotAvailable, match="bigram-zoo, has other noise than the one row of uniforms"):
            load("bigram")


def test_a_prompt_of_any_length_fits_a_receipt(talk):
    Path("prompt.txt").write_bytes(b"\x7f" * 1_999_999)
    code, _, err = talk("run", "bigram-whole", "--prompt-file", "prompt.txt", "-o", "a.txt")
    assert (code, err) == (0, "")
    assert "every byte agrees" in talk("run", "--again", "a.txt")[1]
