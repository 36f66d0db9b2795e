"""Our metrics beside other people's, on the same features: equal at 1e-4 relative, where a definition is shared."""

import contextlib
import io
import warnings

import numpy as np
import pytest
import scipy.stats
import torch

from aigc_core.evaluate.memorised.rank import rank_z
from aigc_core.evaluate.metrics.frechet import Frechet
from aigc_core.evaluate.metrics.inception_score import InceptionScore
from aigc_core.evaluate.metrics.kernel import Kernel
from aigc_core.evaluate.metrics.modes import Modes
from aigc_core.evaluate.metrics.neighbours import Neighbours
from aigc_core.evaluate.metrics.vendi import Vendi
from aigc_core.evaluate.metrics.words import SelfBleu, words
from aigc_core.evaluate.score import quantile

RELATIVE = 1e-4


def samples(seed, count=600, size=24):
    """Features as a ReLU leaves them: correlated, many of them 0, on unequal scales."""
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((count, size)) @ np.random.default_rng(9).standard_normal((size, size))
    return np.maximum(mixed * np.linspace(0.2, 3, size), 0)


PAIRS = {
    "near": (samples(0), samples(1)),
    "moved": (samples(0) + 0.7, samples(1)),
    "wider": (samples(0) * 1.6, samples(1)),
    "fewer dimensions": (samples(0) * (np.arange(24) < 5), samples(1)),
    "unequal sizes": (samples(0, 400), samples(1, 700)),
}
each_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())


class Given(torch.nn.Module):
    """What gives torchmetrics our features in the place of Inception's."""

    num_features = 24

    def forward(self, values):
        return values


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@each_pair
def test_frechet_is_torchmetrics(pair):
    from torchmetrics.image.fid import FrechetInceptionDistance

    made, real = pair
    theirs = FrechetInceptionDistance(feature=Given(), input_img_size=(24,)).set_dtype(torch.float64)
    theirs.update(torch.tensor(real), real=True)
    theirs.update(torch.tensor(made), real=False)
    ours = Frechet()({"features": made, "real_features": real}).values["frechet"]
    assert ours == pytest.approx(float(theirs.compute()), rel=RELATIVE)


@each_pair
def test_kernel_is_torchmetrics(pair):
    from torchmetrics.image.kid import KernelInceptionDistance

    made, real = pair
    size = min(len(made), len(real))
    made, real = made[:size], real[:size]  # theirs takes equally many
    theirs = KernelInceptionDistance(feature=Given(), subsets=1, subset_size=size).set_dtype(torch.float64)
    theirs.update(torch.tensor(real), real=True)
    theirs.update(torch.tensor(made), real=False)
    ours = Kernel()({"features": made, "real_features": real}).values["kernel"]
    assert ours == pytest.approx(float(theirs.compute()[0]), rel=RELATIVE)


@pytest.mark.parametrize("sharp", [0.1, 1, 5])
def test_inception_score_is_torchmetrics(sharp):
    from torchmetrics.image.inception import InceptionScore as Theirs

    logits = torch.tensor(np.random.default_rng(0).standard_normal((500, 10)) * sharp)
    theirs = Theirs(feature=Given(), splits=1)
    theirs.update(logits)
    ours = InceptionScore()({"probabilities": logits.softmax(1).numpy()}).values["inception-score"]
    assert ours == pytest.approx(float(theirs.compute()[0]), rel=RELATIVE)


@each_pair
def test_neighbours_are_prdc(pair):
    from prdc import compute_prdc

    made, real = pair
    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        theirs = compute_prdc(real_features=real, fake_features=made, nearest_k=5)
    ours = Neighbours()({"features": made, "real_features": real}).values
    assert {name: pytest.approx(float(value), rel=RELATIVE) for name, value in theirs.items()} == ours


def test_vendi_is_its_definition_on_the_whole_matrix():
    features = samples(3, 200)
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(rows @ rows.T / len(rows))
    values = values[values > 1e-15]
    wanted = np.exp(-(values * np.log(values)).sum())
    assert Vendi()({"features": features}).values["vendi"] == pytest.approx(wanted, rel=1e-9)


def test_divergence_of_modes_is_scipys_entropy():
    random = np.random.default_rng(0)
    made, real = random.dirichlet(np.ones(6), 800), random.dirichlet(np.arange(1, 7), 800)
    shares = [np.bincount(each.argmax(1), minlength=6) / 800 for each in (made, real)]
    found = Modes()({"probabilities": made, "real_probabilities": real}).values
    assert found["divergence"] == pytest.approx(scipy.stats.entropy(*shares), rel=1e-9)


def test_self_bleu_is_torchmetrics_bleu_of_each_text():
    from torchmetrics.functional.text import bleu_score

    vocabulary = [f"w{number}" for number in range(3)]  # theirs is 0, smoothed or not, where no 4-gram is shared
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(vocabulary, random.integers(6, 20))) for _ in range(15)]
    texts.sort(
        key=lambda text: len(text.split())
    )  # of two lengths that are as near, theirs takes the first, we the less
    each = [
        float(bleu_score([text], [[other for other in texts if other is not text]], n_gram=4, smooth=True))
        for text in texts
    ]
    assert all(each)
    assert all(words(text) == text.split() for text in texts)
    ours = SelfBleu()({"texts": texts}).values["self-bleu"]
    assert ours == pytest.approx(np.mean(each), rel=RELATIVE)


@pytest.mark.parametrize("levels", [3, 1000])
def test_the_rank_test_is_scipys(levels):
    random = np.random.default_rng(0)
    one, other = random.integers(0, levels, 80).astype(float), random.integers(0, levels, 120) + 0.2 * levels // 3
    theirs = scipy.stats.mannwhitneyu(one, other, use_continuity=False, method="asymptotic")
    wanted = scipy.stats.norm.isf(theirs.pvalue / 2) * np.sign(theirs.statistic - 80 * 120 / 2)
    assert rank_z(one, other) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("degrees", [*range(1, 40), 100, 1000])
def test_the_quantile_of_t_is_scipys(degrees):
    assert quantile(degrees) == pytest.approx(scipy.stats.t.ppf(0.975, degrees), rel=2e-3)
