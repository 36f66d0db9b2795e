"""Metrics against what can be worked out by hand."""

import math

import numpy as np
import pytest

from aigc_core.evaluate.metrics.frechet import Frechet
from aigc_core.evaluate.metrics.inception_score import InceptionScore
from aigc_core.evaluate.metrics.kernel import Kernel
from aigc_core.evaluate.metrics.likelihood import BitsPerByte, Likelihood, Perplexity
from aigc_core.evaluate.metrics.modes import Modes
from aigc_core.evaluate.metrics.neighbours import Neighbours
from aigc_core.evaluate.metrics.vendi import Vendi
from aigc_core.evaluate.metrics.words import Distinct, Repetition, SelfBleu, words


def test_frechet_of_a_shift_is_its_square():
    points = np.random.default_rng(0).standard_normal((200, 3))
    moved = points + np.array([3.0, 0, 4])
    found = Frechet()({"features": moved, "real_features": points}).values["frechet"]
    assert found == pytest.approx(25, rel=1e-9)


@pytest.mark.parametrize("scale", [0.5, 2.0, 7.0])
def test_frechet_of_a_scale_is_that_of_the_deviations(scale):
    points = np.random.default_rng(0).standard_normal((200, 1))
    points -= points.mean()
    found = Frechet()({"features": scale * points, "real_features": points}).values["frechet"]
    assert found == pytest.approx((scale - 1) ** 2 * points.var(ddof=1), rel=1e-9)


def test_kernel_of_two_points_each():
    one, other = np.array([[1.0], [2.0]]), np.array([[0.0], [3.0]])
    kernel = lambda x, y: (x * y + 1) ** 3  # noqa: E731
    wanted = kernel(1, 2) + kernel(0, 3) - (kernel(1, 0) + kernel(1, 3) + kernel(2, 0) + kernel(2, 3)) / 2
    assert Kernel()({"features": one, "real_features": other}).values["kernel"] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_inception_score_of_sure_and_even_classes_is_their_number(classes):
    found = InceptionScore()({"probabilities": np.tile(np.eye(10)[:classes], (7, 1))}).values["inception-score"]
    assert found == pytest.approx(classes, rel=1e-12)


@pytest.mark.parametrize("kinds", [1, 3, 8])
def test_vendi_of_orthogonal_kinds_is_their_number(kinds):
    assert Vendi()({"features": np.tile(np.eye(8)[:kinds], (5, 1))}).values["vendi"] == pytest.approx(kinds, rel=1e-9)


def test_neighbours_of_the_same_points_are_all_there():
    points = np.random.default_rng(0).standard_normal((300, 4))
    found = Neighbours()({"features": points, "real_features": points}).values
    assert (found["precision"], found["recall"], found["coverage"]) == (1, 1, 1)
    assert found["density"] == pytest.approx(1)  # each point lies in its own ball and, on the mean, in four others


def test_neighbours_of_points_far_away_are_none():
    points = np.random.default_rng(0).standard_normal((300, 4))
    found = Neighbours()({"features": points + 1000, "real_features": points}).values
    assert set(found.values()) == {0}


def test_modes_of_half_the_classes():
    real = np.tile(np.eye(10), (50, 1))
    found = Modes()({"probabilities": np.tile(np.eye(10)[:5], (100, 1)), "real_probabilities": real}).values
    assert found["covered"] == 0.5
    assert found["divergence"] == pytest.approx(math.log(2), rel=1e-9)


def test_one_stray_sample_covers_no_class():
    real = np.tile(np.eye(10), (50, 1))
    made = np.concatenate([np.tile(np.eye(10)[:9], (50, 1)), np.eye(10)[9:]])
    assert Modes()({"probabilities": made, "real_probabilities": real}).values["covered"] == 0.9


def test_likelihoods_of_even_odds():
    """A model for which each of 8 pixels is 1 bit, and each of 4 letters of 2 bytes one of 16."""
    images = Likelihood()(
        {"nats": np.full(5, 8 * math.log(2)), "dimensions": 8, "estimator": "exact", "pixels": "levels"}
    )
    assert images.values == {"nats": pytest.approx(8 * math.log(2)), "bits-per-dimension": pytest.approx(1)}
    assert images.estimator == "exact.levels"
    said = {"nats": np.full(3, 4 * math.log(16)), "tokens": np.full(3, 4), "bytes": np.full(3, 8)}
    assert BitsPerByte()(said).values["bits-per-byte"] == pytest.approx(2)
    found = Perplexity()(said)
    assert found.values == {"nats-per-token": pytest.approx(math.log(16)), "perplexity": pytest.approx(16)}
    assert found.estimator == "exact.12-tokens"


@pytest.mark.parametrize("pixels", ["density", "grey"])
def test_what_is_no_probability_has_no_bits(pixels):
    found = Likelihood()({"nats": [3.0, 5.0], "dimensions": 8, "estimator": "exact", "pixels": pixels})
    assert found.values["nats"] == 4
    assert math.isnan(found.values["bits-per-dimension"])
    assert found.why
    assert found.estimator == f"exact.{pixels}"
    assert found.details == {"errors": {"nats": pytest.approx(1)}}  # the deviation of 3 and 5 is the root of 2


def test_the_error_of_a_ratio_is_the_bootstraps():
    random = np.random.default_rng(0)
    size = random.integers(100, 900, 400)
    nats = size * random.normal(1.4, 0.2, 400)
    found = BitsPerByte()({"nats": nats, "bytes": size}).details["errors"]["bits-per-byte"]
    drawn = [random.integers(0, 400, 400) for _ in range(4000)]
    wanted = np.std([nats[rows].sum() / size[rows].sum() / math.log(2) for rows in drawn])
    assert found == pytest.approx(wanted, rel=0.05)


def test_words_of_scripts_without_spaces_are_characters():
    assert words("Hello, World!") == ["hello", ",", "world", "!"]
    assert words("床前明月光，疑是") == ["床", "前", "明", "月", "光", "，", "疑", "是"]


def test_distinct_of_a_text_by_hand():
    found = Distinct()({"texts": ["a b a b", "a c"]}).values
    assert found == {"distinct-1": 3 / 6, "distinct-2": 3 / 4}  # ab, ba, ac of ab, ba, ab, ac


def test_repetition_of_a_text_by_hand():
    assert Repetition()({"texts": ["a b c d a b c d", "a"]}).values["repetition"] == pytest.approx(1 / 5)


def test_self_bleu_of_equal_texts_is_1_and_of_strangers_0():
    assert SelfBleu()({"texts": ["a b c d e"] * 3}).values["self-bleu"] == pytest.approx(1)
    assert SelfBleu()({"texts": ["a b c d e", "f g h i j"]}).values["self-bleu"] == 0


def test_variety_is_measured_at_one_length():
    """A longer text has more repeated words; what comes after the 40th does not count."""
    short = " ".join(f"w{number}" for number in range(40))
    for metric in (Distinct(), Repetition(), SelfBleu()):
        assert metric({"texts": [short, short]}) == metric({"texts": [f"{short} {short}", f"{short} a b c d"]})
