"""MAUVE by the library that it is named after, where that is installed; it is no part of the other tests."""

import math
import random

import pytest

from aigc_core.evaluate.metrics.mauve import Mauve

TEXT = "the quick brown fox jumps over a lazy dog while seven wizards box with my five liquor jugs"
WORDS = TEXT.split()


def texts(seed, noise=0.0):
    rng = random.Random(seed)
    made = [" ".join(rng.choice(WORDS) for _ in range(40)) for _ in range(150)]
    signs = "abcdefghijklmnopqrstuvwxyz "
    return ["".join(rng.choice(signs) if rng.random() < noise else sign for sign in text) for text in made]


def test_without_the_extra_the_command_that_installs_it_is_named():
    from aigc_core.errors import NotAvailable

    try:
        import mauve  # noqa: F401
    except ImportError:
        with pytest.raises(NotAvailable, match="mauve-text"):
            Mauve()({"texts": texts(0), "real_texts": texts(1)})


@pytest.mark.filterwarnings("ignore")
def test_it_falls_with_noise_and_is_1_of_the_same():
    pytest.importorskip("mauve")
    real, values = texts(1), []
    for made in (real, texts(0), texts(0, 0.1), texts(0, 0.5)):
        values.append(Mauve()({"texts": made, "real_texts": real}).values["mauve"])
    assert values[0] == pytest.approx(1)
    assert values == sorted(values, reverse=True)
    assert values[1] > 0.8
    assert values[-1] < 0.1
    again = Mauve()({"texts": texts(0), "real_texts": real})
    assert again.values["mauve"] == values[1]
    assert ".mauve-text-" in Mauve().estimator


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", ["", "a", "the same words again"])
def test_collapse_is_a_number_and_nothing_but_collapse_a_reason(text):
    pytest.importorskip("mauve")
    assert Mauve()({"texts": [text] * 150, "real_texts": texts(1)}).values["mauve"] < 0.1
    found = Mauve()({"texts": [text] * 150, "real_texts": [text] * 150})
    assert math.isnan(found.values["mauve"])
    assert found.why


def test_few_texts_have_no_number():
    assert math.isnan(Mauve()({"texts": texts(0)[:99], "real_texts": texts(1)}).values["mauve"])
