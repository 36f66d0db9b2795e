"""Whatever the samples are, a metric returns: a number, or NaN with its reason."""

import itertools
import math
import warnings

import numpy as np
import pytest

from aigc_core.evaluate import wanted
from aigc_core.interfaces.metric import INPUTS

ALL = [each for kind in ("image", "text") for each in wanted.usual(kind, ["generate", "score"], True)]


def features(kind, count):
    random = np.random.default_rng(0)
    return {
        "varied": random.standard_normal((count, 6)),
        "constant": np.ones((count, 6)),
        "zero": np.zeros((count, 6)),
        "huge": random.standard_normal((count, 6)) * 1e30,
        "one dimension": random.standard_normal((count, 6)) * np.eye(6)[0],
    }[kind]


def probabilities(kind, count):
    sure = {"constant": 0, "zero": 3, "huge": 9, "one dimension": 1}
    if kind in sure:
        return np.tile(np.eye(10)[sure[kind]], (count, 1))
    return np.random.default_rng(0).dirichlet(np.ones(10), count).reshape(count, 10)


def images(kind, count):
    levels = {"constant": 90, "zero": 0, "huge": 255}
    if kind in levels:
        return np.full((count, 1, 8, 8), levels[kind], np.uint8)
    return np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8), np.uint8)


def texts(kind, count):
    return {
        "varied": [f"text number {place} of {count}" for place in range(count)],
        "constant": ["the same again and again"] * count,
        "zero": [""] * count,
        "huge": ["a " * 5000] * count,
        "one dimension": ["\0 \u2028 \ud7ff", *["é"] * (count - 1)] if count else [],
    }[kind]


MAKERS = {"features": features, "probabilities": probabilities, "images": images, "texts": texts}
LIKELIHOODS = {"dimensions": 64, "tokens": [4], "bytes": [9], "estimator": "exact", "pixels": "levels"}
KINDS = ["varied", "constant", "zero", "huge", "one dimension"]


def inputs_of(metric, kind, count, real):
    found = {}
    for name in metric.needs:
        prefix, _, rest = name.partition("_")
        of_data = prefix in ("real", "training")
        if name in LIKELIHOODS:
            found[name] = LIKELIHOODS[name]
        elif name == "nats":
            found[name] = {"varied": [3.0], "zero": [], "huge": [1e308, 1e308]}.get(kind, [math.inf])
        else:
            found[name] = MAKERS[rest if of_data else name](real if of_data else kind, 500 if of_data else count)
    return found


@pytest.mark.parametrize(("kind", "count"), [*itertools.product(KINDS, [0, 1, 2, 60])])
@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
@pytest.mark.parametrize("real", ["varied", "constant"])
def test_every_metric_returns(each, kind, count, real):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = each.metric(inputs_of(each.metric, kind, count, real))
    assert found.values.keys() == each.metric.values.keys()
    assert all(isinstance(value, float) for value in found.values.values())
    if any(math.isnan(value) for value in found.values.values()):
        assert found.why
    assert not any(math.isinf(value) for value in found.values.values())


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_every_metric_says_what_it_needs_and_which_way_is_better(each):
    assert {*each.metric.needs} <= INPUTS.keys()
    assert {*each.metric.values.values()} <= {"lower", "higher"}
    assert each.metric.estimator == each.metric.estimator.lower().replace("/", "").replace("@", "")
    assert type(each.metric).__doc__
    assert math.isfinite(sum(each.metric(inputs_of(each.metric, "varied", 300, "varied")).values.values())) or (
        each.name == "core:repetition"  # whose texts are of too few words here
    )
