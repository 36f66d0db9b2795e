"""The data: drawings of made-up emoji, and digits of two domains, held against scipy and against the real package."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from aigc_gan.translate.datasets import bold, digits_domains, drawing, emoji_edges

ROOT = Path(__file__).parents[4]
DIGITS = ROOT / ".data" / "mnist-digits"


def square(low=0, high=255, size=12):
    image = np.full((3, size, size), high, np.uint8)
    image[:, 4:8, 4:8] = low
    return image


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "img" / "google" / "64"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    colour = random.integers(0, 256, (64, 64, 4), np.uint8)
    clear = np.zeros((64, 64, 4), np.uint8)
    grey = random.integers(0, 256, (64, 64, 2), np.uint8)
    for name, pixels, mode in (("b", colour, "RGBA"), ("a", clear, "RGBA"), ("c", grey, "LA")):
        Image.fromarray(pixels, mode=mode).save(folder / f"{name}.png")
    return tmp_path


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_a_pair_is_a_drawing_and_its_emoji_on_white_sorted_by_name(package):
    pairs = emoji_edges(package)
    assert (pairs.dtype, pairs.shape) == (np.uint8, (3, 4, 64, 64))
    assert (pairs[0] == 255).all(), "what is transparent is white, and has no edges"
    for pair in pairs:
        assert np.array_equal(pair[0], drawing(pair[1:]))
    with Image.open(package / "img/google/64/b.png") as file:
        colour = np.asarray(file).astype(float)
    alpha = colour[..., 3:] / 255
    expected = (colour[..., :3] * alpha + 255 * (1 - alpha)).transpose(2, 0, 1)
    assert np.abs(pairs[1, 1:] - expected).max() <= 1


def test_a_folder_without_emoji_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        emoji_edges(tmp_path)


def test_a_square_has_an_outline():
    drawn = drawing(square())
    assert set(np.unique(drawn)) == {0, 255}
    black = drawn == 0
    assert black.any(0).sum() == black.any(1).sum() <= 6
    assert not black[5:7, 5:7].any(), "nothing inside"
    assert not black[[0, 1, 10, 11]].any(), "nothing far outside"
    assert black[5:7].any(1).all(), "the sides are there"
    assert black[:, 5:7].any(0).all()


def test_only_steep_edges_are_lines():
    assert (drawing(square(215, 255)) == 255).all()
    assert (drawing(square(100, 255)) == 0).any()
    one_channel = square()
    one_channel[:2] = 255
    assert np.array_equal(drawing(one_channel), drawing(square())), "the steepest channel counts"


@given(arrays.arrays(np.uint8, (3, 9, 7)))
def test_a_negative_has_the_same_drawing(image):
    assert np.array_equal(drawing(image), drawing(255 - image))
    assert np.array_equal(drawing(image), drawing(image[::-1]))


@given(arrays.arrays(np.uint8, (9, 7)))
def test_bold_is_the_largest_of_each_neighbourhood_inverted(image):
    scipy = pytest.importorskip("scipy.ndimage")
    thick = scipy.grey_dilation(image, size=(3, 3), mode="constant", cval=0)
    assert np.array_equal(bold(image), 255 - thick)


@given(st.integers(0, 255))
def test_bold_of_a_flat_image_is_its_negative(level):
    assert (bold(np.full((5, 5), level, np.uint8)) == 255 - level).all()


def test_no_digit_is_in_both_domains_and_every_one_is_in_one(tmp_path):
    folder = tmp_path / "src" / "digits"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = random.integers(0, 256, (10, 3, 784))
    for digit, each in enumerate(rows):
        (folder / f"{digit}.json").write_text(json.dumps({"data": (each.flatten() / 255).round(3).tolist()}))
    found = digits_domains(tmp_path)
    assert (found.dtype, found.shape) == (np.uint8, (15, 2, 28, 28))
    digits = rows.reshape(30, 28, 28).astype(np.uint8)
    assert sorted(image.tobytes() for image in found[:, 0]) == sorted(digit.tobytes() for digit in digits[::2])
    expected = sorted(bold(digit).tobytes() for digit in digits[1::2])
    assert sorted(image.tobytes() for image in found[:, 1]) == expected


@pytest.mark.skipif(not DIGITS.exists(), reason="the training data are not here: make data")
def test_the_real_digits_are_those_of_the_recipe():
    found = digits_domains(DIGITS)
    recipe = json.loads((ROOT / "plugins/aigc-gan/src/aigc_gan/zoo/recipes/cyclegan-digits.json").read_text())
    assert found.shape == (5000, 2, 28, 28)
    assert hashlib.sha256(found.tobytes()).hexdigest() == recipe["data"]["sha256"]
    assert found[:, 0].mean() < 50 < 150 < found[:, 1].mean(), "white on black, black on white"
