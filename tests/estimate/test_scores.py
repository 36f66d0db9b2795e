"""What a score is called, what it says of itself, and with what it refuses to be compared."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Coins, Linear, batches

from aigc_core.errors import WrongUse
from aigc_core.estimate import Asked, Data, Score, compare, score
from aigc_core.estimate.data import check_binarise, chosen, is_binary
from aigc_core.manifest.schema import schema

METRIC = schema("model")["properties"]["scores"]["items"]["properties"]["metric"]["pattern"]
BINARY = Data("binarized-mnist", "fixed", "test", 10, 10, "a" * 64)


USUAL = Asked()


def made(asked=USUAL, data=BINARY, kind="levels", values=((1.0, 3.0), (2.0, 6.0)), dimensions=784):
    return Score(asked, data, kind, np.array(values), dimensions)


@pytest.mark.parametrize(
    ("given_", "id_"),
    [
        ({}, "nll-is-200@binarized-mnist.fixed"),
        ({"asked": Asked("nll", 50)}, "nll-is-50@binarized-mnist.fixed"),
        ({"asked": Asked("iwae", 5)}, "iwae-5@binarized-mnist.fixed"),
        ({"asked": Asked("elbo", 5)}, "elbo@binarized-mnist.fixed"),
        ({"asked": Asked("exact", 1)}, "nll-exact@binarized-mnist.fixed"),
        ({"data": BINARY._replace(binarise="dynamic")}, "nll-is-200@binarized-mnist.dynamic"),
        ({"data": BINARY._replace(part="validation")}, "nll-is-200@binarized-mnist.fixed.validation"),
        ({"data": BINARY._replace(of=99)}, "nll-is-200@binarized-mnist.fixed.10-of-99"),
        ({"data": BINARY._replace(binarise="none"), "kind": "grey"}, "nll-is-200@binarized-mnist.grey"),
        ({"data": BINARY._replace(binarise="none"), "kind": "levels"}, "nll-is-200@binarized-mnist.levels"),
        ({"data": BINARY._replace(binarise="none"), "kind": "density"}, "nll-is-200@binarized-mnist.density"),
        ({"kind": "density"}, "nll-is-200@binarized-mnist.fixed.density"),
    ],
)
def test_the_id_says_what_is_measured_and_a_manifest_takes_it(given_, id_):
    assert made(**given_).id == id_
    assert re.match(METRIC, id_)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"asked": Asked("iwae", 200)}, "the estimator (nll, iwae)"),
        ({"asked": Asked("nll", 5000)}, "the number of draws (200, 5000)"),
        ({"data": BINARY._replace(name="mnist")}, "the data (binarized-mnist, mnist)"),
        ({"data": BINARY._replace(binarise="dynamic")}, "the binarisation (fixed, dynamic)"),
        ({"data": BINARY._replace(part="validation")}, "the part of the data (test, validation)"),
        ({"data": BINARY._replace(scored=9)}, "how many images (10 of 10, 9 of 10)"),
    ],
)
def test_two_that_differ_refuse_to_compare_and_say_in_what(change, said):
    with pytest.raises(WrongUse) as error:
        compare(made(), made(**change))
    assert f"do not compare: they differ in {said}." in str(error.value)
    with pytest.raises(WrongUse):
        compare(made(**change), made())


def test_what_pixels_are_keeps_scores_apart():
    grey = BINARY._replace(binarise="none")
    with pytest.raises(WrongUse, match=r"what pixels are to the model \(grey, levels\)"):
        compare(made(data=grey, kind="grey"), made(data=grey, kind="levels"))


def test_one_name_for_other_images_is_found():
    with pytest.raises(WrongUse, match=r"not the same: sha256 aaaaaaaaaaaa and bbbbbbbbbbbb\."):
        compare(made(), made(data=BINARY._replace(sha256="b" * 64)))


def test_equal_ones_compare():
    assert compare(made(), made(values=((0.5, 1.5), (1.0, 3.0)))) == 1.5
    assert compare(made(asked=Asked(rounds=2, seed=1)), made()) == 0  # other draws of the same number
    assert compare(made(Asked("elbo", 1)), made(Asked("elbo", 9))) == 0  # in expectation the same


def test_how_sure_it_is():
    found = made()
    assert found.nats == 3.0
    assert found.error_over_images == pytest.approx(np.std([1.5, 4.5], ddof=1) / math.sqrt(2))
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(3.0)
    assert high - low == pytest.approx(2 * 1.959964 * found.error_over_images)
    assert found.spread_over_rounds == pytest.approx(np.std([2.0, 4.0], ddof=1))
    assert made(values=((1.0, 3.0),)).spread_over_rounds is None
    assert made(values=((1.0,), (2.0,))).interval is None


def test_the_interval_over_images_holds_the_mean_as_often_as_it_says():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        low, high = made(values=random.normal(7.0, 3.0, (1, 100))).interval
        held += low < 7 < high
    assert 925 <= held <= 970


def test_bits_are_those_of_a_probability_alone():
    assert made(values=((784 * math.log(2),),)).bits == pytest.approx(1.0)
    assert made(Asked("elbo", 1), values=((-784 * math.log(2),),)).bits == pytest.approx(1.0)
    assert made(kind="density").bits is None
    assert made(kind="grey").bits is None


def test_a_bound_is_called_a_bound_and_a_grey_number_no_likelihood():
    assert "lower bound" in made(Asked("elbo", 1)).says
    assert "bound of 5 draws" in made(Asked("iwae", 5)).says
    assert "upper bound" in made().says
    assert "bound" not in made(Asked("exact")).says
    assert "Not a likelihood" in made(kind="grey").says
    assert "density" in made(kind="density").says
    assert (made().better, made(Asked("elbo")).better) == ("lower", "higher")


@pytest.mark.parametrize(
    ("model", "binarise", "kind"),
    [
        (Linear(), "none", "density"),
        (Linear(), "fixed", "density"),
        (Coins([0.5] * 6), "fixed", "levels"),
        (Coins([0.5] * 6), "dynamic", "levels"),
        (Coins([0.5] * 6), "none", "grey"),
    ],
)
def test_what_pixels_are_to_a_model(model, binarise, kind):
    images = np.ones((2, 1, 2, 3), np.float32)
    asked = Asked("exact") if model.exact else Asked("elbo", 1)
    found = score(model, batches(images), asked, Data("toys", binarise))
    assert found.kind == kind
    assert found.data == Data("toys", binarise, "test", 2, 2, found.data.sha256)


def test_a_model_of_many_levels_says_so():
    model = Coins([0.5] * 6)
    model.levels = 256
    assert score(model, batches(np.ones((2, 1, 2, 3), np.float32)), Asked("exact"), Data("toys")).kind == "levels"


def test_the_images_are_part_of_the_identity_and_the_batches_are_not():
    images = Linear().sample(5)
    shas = {score(Linear(), batches(images, size), Asked("elbo", 1), Data("t")).data.sha256 for size in (1, 2, 5)}
    assert len(shas) == 1
    other = images.copy()
    other[4, 0, 1, 2] += 0.01
    assert score(Linear(), batches(other), Asked("elbo", 1), Data("t")).data.sha256 not in shas


# Binarisation, and which rows.

WAYS = ("none", "dynamic", "fixed")


@pytest.mark.parametrize("trained", WAYS)
@pytest.mark.parametrize("given_", WAYS)
def test_grey_and_binary_do_not_mix(trained, given_):
    if (trained == "none") == (given_ == "none"):
        check_binarise("m", trained, given_)
        return
    with pytest.raises(WrongUse, match=r"^m was trained on images that are .*, and these are .*means nothing\.$"):
        check_binarise("m", trained, given_)


@pytest.mark.parametrize(("value", "binary"), [(0, True), (1, True), (0.5, False), (1e-6, False)])
def test_one_grey_pixel_is_grey(value, binary):
    images = np.zeros((2, 1, 2, 2), np.float32)
    images[1, 0, 1, 1] = value
    assert is_binary(images, 0, 1) is binary


@given(st.integers(1, 300), st.integers(1, 300))
def test_chosen_rows_are_in_order_and_fewer_are_among_more(count, of):
    some = chosen(count, of)
    assert some == sorted(set(some))
    assert len(some) == min(count, of)
    assert all(0 <= each < of for each in some)
    assert set(some) <= set(chosen(count + 5, of))


def test_of_sorted_rows_every_class_is_there():
    """The test rows of binarized MNIST are sorted by digit: a head slice would be of zeros alone."""
    digits = np.arange(10_000) // 1000
    counts = np.bincount(digits[chosen(500, 10_000)], minlength=10)
    assert counts.min() >= 30
    assert chosen(500, 10_000) == chosen(500, 10_000)


def test_no_stride_is_met():
    """Rows that come class after class, round and round, keep their classes too."""
    classes = np.arange(1000) % 10
    assert np.bincount(classes[chosen(100, 1000)], minlength=10).min() >= 3
