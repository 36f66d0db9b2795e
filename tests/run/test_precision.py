"""An image generator in bfloat16: chosen by name, near float32, in its receipt, made again; refused where it cannot."""

import numpy as np
import pytest

from aigc_core import load
from aigc_core.errors import WrongUse
from aigc_core.run import precision
from aigc_core.run import receipt as receipts


@pytest.fixture
def zoo(cli, monkeypatch):
    monkeypatch.setattr(precision, "_instructions", lambda: (True, True))

    def run(*words, code=0):
        found, out, err = cli(*words)
        assert found == code, err
        return out if code == 0 else err

    return run


@pytest.mark.parametrize("name", ["bf16", "bfloat16"])
def test_it_is_near_float32_and_in_range(name):
    plain, short = load("dcgan-digits"), load("dcgan-digits", dtype=name)
    assert (plain.generator.dtype, short.generator.dtype) == ("float32", "bfloat16")
    one, other = plain.generate(64, seed=1), short.generate(64, seed=1)
    assert other.values.dtype == np.float32
    assert -1 <= other.values.min() <= other.values.max() <= 1
    apart = np.abs(one.values - other.values)
    assert 0 < apart.mean() < 0.02, "8 bits of a number, through four layers"
    assert np.array_equal(load("dcgan-digits", dtype="float32").generate(64, seed=1).values, one.values)


@pytest.mark.parametrize("flag", [["--precision", "bf16"], ["--dtype", "bfloat16"], ["--dtype", "bf16"]], ids=str)
def test_the_receipt_says_it_and_it_is_made_again(zoo, flag):
    zoo("run", "dcgan-digits", "-n", "9", *flag, "-o", "a.png")
    receipt = receipts.read("a.png")
    assert (receipt["engine"], receipt["dtype"]) == ("torch", "bfloat16")
    assert "every byte agrees" in zoo("run", "--again", "a.png")
    zoo("run", "dcgan-digits", "-n", "9", "-o", "b.png")
    assert receipts.read("b.png")["dtype"] == "float32"


def test_what_has_to_be_typed_again_names_it(zoo):
    zoo("interpolate", "dcgan-digits", "0", "1", "--precision", "bf16", "-o", "a.gif")
    assert "--seed 0 --dtype bfloat16 -o a.gif" in zoo("run", "--again", "a.gif", code=2)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"dtype": "int8"}, "dcgan-digits computes in float32 or bfloat16, so dtype cannot be 'int8'"),
        ({"dtype": "bf16", "threads": 2}, "dcgan-digits is computed by one engine only, so threads cannot be 2"),
        ({"engine": "onnx"}, "dcgan-digits is computed by one engine only, so engine cannot be 'onnx'"),
    ],
    ids=str,
)
def test_what_cannot_be_chosen_is_refused(how, sentence):
    with pytest.raises(WrongUse, match=sentence):
        load("dcgan-digits", **how)


def test_a_model_that_leaves_no_choice_says_so():
    with pytest.raises(WrongUse, match="vae-digits is computed in one way only, so dtype cannot be 'bfloat16'"):
        load("vae-digits", dtype="bf16")


@pytest.mark.parametrize(
    ("has", "said"),
    [
        ((True, True), ""),
        ((True, False), "may be slower than float32 here"),
        ((False, False), "is slower than float32"),
    ],
)
def test_a_line_says_where_it_does_not_pay(cli, monkeypatch, has, said):
    monkeypatch.setattr(precision, "_instructions", lambda: has)
    code, _, err = cli("run", "dcgan-digits", "-n", "2", "--precision", "bf16")
    assert (code, err.count("\n")) == (0, bool(said))
    assert said in err
    assert cli("run", "dcgan-digits", "-n", "2", "--precision", "bf16", "-q")[2] == ""
    assert cli("run", "dcgan-digits", "-n", "2")[2] == ""


def test_nothing_is_said_of_another_device_or_type():
    assert precision.slower("bfloat16", "cuda") == precision.slower("float32", "cpu") == ""
