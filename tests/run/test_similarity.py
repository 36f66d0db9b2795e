"""PSNR and SSIM: closed forms, laws, and torchmetrics as an independent oracle."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aigc_core.run.similarity import psnr, ssim

RANDOM = np.random.default_rng(0)
IMAGES = arrays.arrays(np.uint8, st.tuples(st.sampled_from([1, 3]), st.integers(1, 20), st.integers(1, 20)))


def noisy(shape, strength):
    one = RANDOM.integers(0, 256, shape, np.uint8)
    return one, np.clip(one + RANDOM.normal(0, strength, shape), 0, 255).astype(np.uint8)


@given(IMAGES)
def test_an_image_is_itself(image):
    assert psnr(image, image) == math.inf
    assert ssim(image, image) == pytest.approx(1, abs=1e-9)


@given(IMAGES)
def test_the_negative_is_no_nearer_than_the_image(image):
    other = 255 - image
    assert psnr(image, other) == psnr(other, image)
    assert ssim(image, other) == pytest.approx(ssim(other, image), abs=1e-12)
    assert -1 <= ssim(image, other) <= 1


def test_the_closed_forms_of_psnr():
    black = np.zeros((1, 5, 5), np.uint8)
    assert psnr(black, black + np.uint8(255)) == 0, "the largest error there is"
    assert psnr(black, black + np.uint8(1)) == pytest.approx(20 * math.log10(255))
    one = black.copy()
    one[0, 2, 2] = 100  # a mean squared error of 10,000 / 25
    assert psnr(black, one) == pytest.approx(10 * math.log10(255**2 / 400))


@pytest.mark.parametrize("size", [1, 2, 10, 11, 30])
@pytest.mark.parametrize(("a", "b"), [(0, 255), (100, 101), (0, 0)])
def test_the_closed_form_of_ssim_of_two_flat_images(size, a, b):
    """Without variance only the luminance is left: (2ab + C1) / (a^2 + b^2 + C1)."""
    one, other = (np.full((3, size, size), level, np.uint8) for level in (a, b))
    c1 = (0.01 * 255) ** 2
    assert ssim(one, other) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 48), (3, 11, 11), (1, 200, 13)])
@pytest.mark.parametrize("strength", [1, 20, 120])
def test_both_are_those_of_torchmetrics(shape, strength):
    metrics = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics is not installed")
    one, other = noisy(shape, strength)
    given = [torch.from_numpy(image.astype(np.float64))[None] for image in (one, other)]
    expected = metrics.peak_signal_noise_ratio(*given, data_range=255.0)
    assert psnr(one, other) == pytest.approx(float(expected), abs=1e-5)
    # It lets the window hang over the edge, into the mirrored image; Wang's own program does not, and so we cut it off.
    _, everywhere = metrics.structural_similarity_index_measure(*given, data_range=255.0, return_full_image=True)
    assert ssim(one, other) == pytest.approx(float(everywhere[..., 5:-5, 5:-5].mean()), abs=1e-9)


def test_a_window_of_another_width_would_be_noticed():
    """A saboteur of the test above: with 1.4 in the place of 1.5 the figure moves by far more than its tolerance."""
    from aigc_core.run import similarity

    one, other = noisy((1, 28, 28), 20)
    right = ssim(one, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "SIGMA", 1.4)
        assert abs(ssim(one, other) - right) > 1e-4


@pytest.mark.parametrize("shape", [(1, 3, 40), (1, 40, 4), (3, 1, 1)])
def test_an_image_smaller_than_the_window_has_one_too(shape):
    one, other = noisy(shape, 30)
    assert -1 <= ssim(one, other) < 1
