"""Data that the plugin reads: emoji, composed on white."""

import numpy as np
import pytest
from PIL import Image

from aigc_gan.datasets import google_emoji


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "img" / "google" / "64"
    folder.mkdir(parents=True)
    return tmp_path


def put(package, name, image):
    image.save(package / "img" / "google" / "64" / name)


def test_what_is_transparent_becomes_white(package):
    levels = np.zeros((64, 64, 4), np.uint8)
    levels[..., 0] = 200  # red below every alpha
    levels[:16, :, 3], levels[16:32, :, 3], levels[32:, :, 3] = 0, 128, 255
    put(package, "a.png", Image.fromarray(levels))
    (image,) = google_emoji(package)
    assert (image.shape, image.dtype) == ((3, 64, 64), np.uint8)
    assert image[:, 0, 0].tolist() == [255, 255, 255]
    expected = [round(200 * 128 / 255 + 255 * 127 / 255), *[round(255 * 127 / 255)] * 2]
    assert image[:, 20, 0].tolist() == expected
    assert image[:, 40, 0].tolist() == [200, 0, 0]


def test_pillow_composes_the_same_but_for_a_level(package):
    """An independent oracle."""
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
    put(package, "a.png", Image.fromarray(levels))
    white = Image.new("RGBA", (64, 64), "white")
    expected = np.asarray(Image.alpha_composite(white, Image.fromarray(levels)).convert("RGB"), int)
    assert np.abs(google_emoji(package)[0].transpose(1, 2, 0).astype(int) - expected).max() <= 1


def test_greys_and_palettes_are_colours_too_and_names_are_the_order(package):
    palette = Image.new("P", (64, 64))
    palette.putpalette([0, 10, 20, *[0] * 765])
    put(package, "b.png", palette)
    put(package, "a.png", Image.new("LA", (64, 64), (7, 255)))
    put(package, "c.png", Image.new("RGB", (64, 64), (1, 2, 3)))
    assert google_emoji(package)[:, :, 5, 5].tolist() == [[7, 7, 7], [0, 10, 20], [1, 2, 3]]


def test_another_size_is_named(package):
    put(package, "a.png", Image.new("RGBA", (32, 64)))
    with pytest.raises(ValueError, match=r"a\.png is 32 x 64 pixels, not 64 x 64"):
        google_emoji(package)


def test_a_package_without_images_is_missing_something(package, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        google_emoji(package)
    assert str(error.value.filename).endswith("64")
    with pytest.raises(FileNotFoundError):
        google_emoji(tmp_path / "elsewhere")
