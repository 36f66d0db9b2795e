"""Metrics say worse of worse samples: more noise, fewer modes, more copies of one another, more copies of the data."""

import numpy as np
import pytest

from aigc_core.evaluate.memorised.texts import MemorisedTexts
from aigc_core.evaluate.metrics.frechet import Frechet
from aigc_core.evaluate.metrics.inception_score import InceptionScore
from aigc_core.evaluate.metrics.kernel import Kernel
from aigc_core.evaluate.metrics.modes import Modes
from aigc_core.evaluate.metrics.neighbours import Neighbours
from aigc_core.evaluate.metrics.vendi import Vendi
from aigc_core.evaluate.metrics.words import Distinct, Repetition, SelfBleu

COUNT, MODES = 800, 8
CENTRES = np.random.default_rng(5).standard_normal((MODES, 12)) * 4


def mixture(seed, modes=MODES, noise=0.0):
    """Points of Gaussians around the first ``modes`` centres, and how sure a classifier is of each."""
    random = np.random.default_rng(seed)
    place = random.integers(0, modes, COUNT)
    points = CENTRES[place] + random.standard_normal((COUNT, 12)) + noise * random.standard_normal((COUNT, 12))
    logits = -((points[:, None] - CENTRES[None]) ** 2).sum(2) / 8
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return points, powers / powers.sum(1, keepdims=True)


def repeated(seed, share):
    """Points of which a share are copies of the first one."""
    points, sure = mixture(seed)
    many = int(share * COUNT)
    points[1 : 1 + many], sure[1 : 1 + many] = points[0], sure[0]
    return points, sure


LADDERS = {
    "noise": [mixture(1, noise=noise) for noise in (0, 0.6, 1.2, 1.8, 2.4)],
    "fewer modes": [mixture(1, modes) for modes in (8, 6, 4, 2, 1)],
    "copies of one": [repeated(1, share) for share in (0, 0.25, 0.5, 0.75, 0.95)],
}
WORSE = [
    *[(Frechet, "frechet", ladder, 1) for ladder in LADDERS],
    *[(Kernel, "kernel", ladder, 1) for ladder in LADDERS],
    (Neighbours, "precision", "noise", -1),
    (Neighbours, "density", "noise", -1),
    *[(Neighbours, "coverage", ladder, -1) for ladder in LADDERS],
    (Neighbours, "recall", "fewer modes", -1),  # copies of one let the balls of the others grow, and recall with them
    *[(Vendi, "vendi", ladder, -1) for ladder in ("fewer modes", "copies of one")],
    *[(InceptionScore, "inception-score", ladder, -1) for ladder in ("fewer modes", "copies of one")],
    *[(Modes, "divergence", ladder, 1) for ladder in ("fewer modes", "copies of one")],
    (Modes, "covered", "fewer modes", -1),
]


@pytest.mark.parametrize(("metric", "value", "ladder", "sign"), WORSE, ids=lambda each: getattr(each, "__name__", each))
def test_every_step_down_is_seen(metric, value, ladder, sign):
    real, sure = mixture(2)
    found = []
    for points, probabilities in LADDERS[ladder]:
        inputs = {"features": points, "real_features": real, "probabilities": probabilities, "real_probabilities": sure}
        found.append(sign * metric()({name: inputs[name] for name in metric.needs}).values[value])
    assert found == sorted(found)
    assert len(set(found)) == len(found), found
    assert metric.values[value] == ("lower" if sign > 0 else "higher")


VOCABULARY = [f"w{number}" for number in range(300)]


def prose(seed, count=120):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(VOCABULARY, 40)) for _ in range(count)]


@pytest.mark.parametrize(("metric", "value", "sign"), [(SelfBleu, "self-bleu", 1), (Distinct, "distinct-2", -1)])
def test_texts_that_are_more_alike_look_less_varied(metric, value, sign):
    texts = prose(0)
    ladder = [[*texts[: len(texts) - many], *texts[:1] * many] for many in (0, 30, 60, 90, 119)]
    found = [sign * metric()({"texts": each}).values[value] for each in ladder]
    assert found == sorted(found)
    assert len(set(found)) == len(found)


def test_texts_that_repeat_themselves_are_seen():
    texts = [text.split() for text in prose(0)]
    ladder = [[" ".join((text[:period] * 40)[:40]) for text in texts] for period in (40, 30, 20, 10, 4)]
    found = [Repetition()({"texts": each}).values["repetition"] for each in ladder]
    assert found == sorted(found)
    assert len(set(found)) == len(found)


def test_more_text_of_the_training_data_is_more_contained():
    training, real, texts = prose(1, 400), prose(2, 100), prose(3, 100)
    ladder = [[*training[:many], *texts[many:]] for many in (0, 5, 20, 50, 100)]
    inputs = {"real_texts": real, "training_texts": training}
    for value in ("flagged", "longest", "containment"):
        found = [MemorisedTexts()({"texts": each, **inputs}).values[value] for each in ladder]
        assert found == sorted(found)
        assert len(set(found)) == len(found), (value, found)
