"""Planted copies are found, and what is no copy is left alone: on real data where it is there, on samples elsewhere."""

from pathlib import Path

import numpy as np
import planted
import pytest

from aigc_core import load
from aigc_core.evaluate.memorised.images import MemorisedImages
from aigc_core.evaluate.memorised.suffixes import Suffixes
from aigc_core.evaluate.memorised.texts import MemorisedTexts
from aigc_core.evaluate.reference_texts import pieces
from aigc_core.train.data.sources.idx import read

ROOT = Path(__file__).parents[2]
FASHION = ROOT / ".data" / "fashion-mnist"
SHAKESPEARE = ROOT.parent / "shared" / "data" / "tinyshakespeare.txt"
SHARES = [0.01, 0.05, 0.2]
RECALL, FALSE = 0.95, 0.01


def with_copies(samples, training, share, way, seed):
    """Return samples in which copies stand in the place of some, changed in a way, and their places."""
    random = np.random.default_rng(seed)
    places = random.choice(len(samples), round(share * len(samples)), replace=False)
    chosen = random.choice(len(training), len(places), replace=False)
    made = samples.copy()
    if isinstance(samples, list):
        for place, text in zip(places, way([training[each] for each in chosen], random), strict=True):
            made[place] = text
    else:
        made[places] = way(training[chosen], random)
    return made, {*places.tolist()}


@pytest.fixture(scope="module")
def real_images():
    if not FASHION.exists():
        pytest.skip("Fashion-MNIST is not in .data")
    training, test = (read(FASHION / f"{part}-images-idx3-ubyte.gz")[:, None] for part in ("train", "t10k"))
    return training[:20_000], test[:2000], test[2000:3000]


@pytest.fixture(scope="module")
def made_images():
    """Images of one model, none of which is a copy: those of different seeds play training, held-out and samples."""
    model = load("dcgan-fashion")
    training, held_out, samples = (
        model.generate(count, seed=seed).levels() for count, seed in ((4000, 1), (1000, 2), (500, 3))
    )
    return training, held_out, samples


def check_images(data, share, way):
    training, held_out, samples = data
    made, places = with_copies(samples, training, share, way, 7)
    found = MemorisedImages()({"images": made, "real_images": held_out, "training_images": training})
    recall, false = planted.judged(found.details, places, len(made))
    assert recall >= RECALL
    assert false <= FALSE
    assert found.values["flagged"] == pytest.approx(share * recall + (1 - share) * false, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("way", planted.IMAGES, ids=lambda way: way.__name__)
@pytest.mark.parametrize("share", SHARES)
def test_planted_images_are_found_among_real_ones(real_images, share, way):
    """The hardest case: what is no copy is as good as the held-out images are, for it is more of them."""
    check_images(real_images, share, way)


@pytest.mark.slow
@pytest.mark.parametrize("way", planted.IMAGES, ids=lambda way: way.__name__)
def test_planted_images_are_found_among_samples(made_images, way):
    check_images(made_images, 0.05, way)


def test_nearness_falls_with_copies():
    random = np.random.default_rng(0)
    training, held_out, samples = (random.integers(0, 256, (400, 1, 8, 8), np.uint8) for _ in range(3))
    found = []
    for share in (0, 0.1, 0.3, 0.6, 1):
        made, _ = with_copies(samples, training, share, planted.noisy, 1)
        inputs = {"images": made, "real_images": held_out, "training_images": training}
        found.append(MemorisedImages()(inputs).values["nearness"])
    assert found == sorted(found, reverse=True)
    assert abs(found[0]) < 3 < -found[-1]


def test_a_copy_of_an_image_that_the_data_hold_many_times_is_found():
    random = np.random.default_rng(0)
    training, held_out, samples = (random.integers(0, 256, (400, 1, 8, 8), np.uint8) for _ in range(3))
    training[:50] = training[0]
    samples[3] = training[0]
    found = MemorisedImages()({"images": samples, "real_images": held_out, "training_images": training})
    assert 3 in found.details["rows"]


@pytest.fixture(scope="module")
def real_texts():
    if not SHAKESPEARE.exists():
        pytest.skip("no text of Shakespeare is beside this checkout")
    text = SHAKESPEARE.read_text("utf-8")
    training, held_out = pieces([text[: len(text) * 8 // 10]]), pieces([text[len(text) * 8 // 10 :]])
    return training, held_out[::2], held_out[1::2]


@pytest.fixture(scope="module")
def made_texts():
    """Texts of a chain of words, each chosen by the one before it: they share short passages, as all texts do."""
    random = np.random.default_rng(0)
    follow = random.integers(0, 400, (400, 60))
    chain = [int(each) for each in random.integers(0, 60, 400 * 800)]
    words = [f"{'bcdfgklmnprst'[number % 13]}{'aeiou'[number % 5]}{number:x}" for number in range(400)]

    def text(first):
        word, found = first % 400, []
        for at in range(60):
            word = int(follow[word, chain[(first * 60 + at) % len(chain)]])
            found.append(words[word])
        return " ".join(found)

    texts = [text(place) for place in range(1200)]
    return texts[:600], texts[600:900], texts[900:]


def check_texts(data, share, way):
    training, held_out, samples = data
    made, places = with_copies(samples, training, share, way, 7)
    found = MemorisedTexts()({"texts": made, "real_texts": held_out, "training_texts": training})
    recall, false = planted.judged(found.details, places, len(made))
    assert recall >= RECALL
    assert false <= FALSE


@pytest.mark.parametrize("way", planted.TEXTS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("share", SHARES)
def test_planted_texts_are_found(made_texts, share, way):
    check_texts(made_texts, share, way)


@pytest.mark.slow
@pytest.mark.parametrize("way", planted.TEXTS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("share", SHARES)
def test_planted_texts_are_found_among_real_ones(real_texts, share, way):
    check_texts(real_texts, share, way)


@pytest.mark.parametrize("text", ["", "a", "banana", "aaaaaaaa", "mississippi\0mist", "床前明月光床前", "ab" * 900])
def test_suffixes_find_what_python_finds(text):
    known = Suffixes(text)
    assert [text[place:] for place in known.order] == sorted(text[place:] for place in range(len(text))) or len(
        text
    ) > 500
    for query in ("a", "ana", "anan", "ississ", "前明月", "aaab", "\0mi", "x", "abab", text[:500]):
        assert known.has(query) == (query in text) or not query
        longest = max(size for size in range(len(query) + 1) if query[:size] in text)
        assert known.longest(query) == longest
