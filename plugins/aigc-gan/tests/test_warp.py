"""The warp of what a discriminator is shown: against scipy, its law, its gradients, and when it is on."""

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from aigc_gan import infogan, warp


def images(count=3, size=8, dtype=torch.float64):
    return torch.rand(count, 1, size, size, dtype=dtype, generator=torch.Generator().manual_seed(1)) * 2 - 1


def by_scipy(image, matrix, size):
    """The same change in rows and columns instead of -1 to 1."""
    linear, shift = matrix[:, :2], matrix[:, 2]
    centre = (size - 1) / 2
    linear, shift = linear[::-1, ::-1], shift[::-1] * size / 2
    offset = centre + shift - linear @ np.array([centre, centre])
    return affine_transform(image, linear, offset, order=1, mode="grid-constant", cval=warp.BACKGROUND)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_warp_against_scipys(strength):
    given = images(12)
    torch.manual_seed(2)
    matrices = warp.drawn(given, strength).numpy()
    torch.manual_seed(2)
    found = warp.warped(given, strength).numpy()
    for image, matrix, mine in zip(given.numpy(), matrices, found, strict=True):
        np.testing.assert_allclose(mine[0], by_scipy(image[0], matrix, 8), atol=1e-9)


def test_the_law_is_centred_on_no_change_and_keeps_to_its_ranges():
    torch.manual_seed(3)
    matrices = warp.drawn(torch.empty(20_000, 1, 1, 1), 1.0)
    still = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    torch.testing.assert_close(matrices.mean(0), still, atol=0.01, rtol=0)
    assert matrices[:, :, 2].abs().max() <= warp.SHIFT
    sizes = torch.linalg.det(matrices[:, :, :2])  # turning and slanting keep the area
    assert (1 - warp.ZOOM) ** 2 <= sizes.min() < 0.8 < 1.2 < sizes.max() <= (1 + warp.ZOOM) ** 2
    slants = matrices[:, 0, 1]
    assert 0.6 < slants.abs().max() < (warp.SHEAR + warp.TURN) * (1 + warp.ZOOM)


def test_at_no_strength_nothing_moves_and_the_background_stays_what_it_is():
    given = images()
    torch.testing.assert_close(warp.warped(given, 0.0), given)
    black = torch.full((3, 1, 8, 8), warp.BACKGROUND)
    torch.testing.assert_close(warp.warped(black, 1.0), black)


def test_its_gradients_are_those_of_differences():
    """A penalty's too, which is a gradient of a gradient."""

    def fixed(given):
        torch.manual_seed(4)
        return warp.warped(given, 1.0).sin()

    given = images(2, 4).requires_grad_()
    assert torch.autograd.gradcheck(fixed, given)
    assert torch.autograd.gradgradcheck(fixed, given)


def test_a_discriminator_warps_what_it_is_shown_only_while_it_trains():
    given = images(4, 28, torch.float32)
    for strength in (0.0, 0.5):
        torch.manual_seed(0)
        network = infogan.InfoDiscriminator28(width=4, hidden=8, warp=strength)
        for training in (True, False):
            network.train(training)
            torch.manual_seed(5)
            once = network(given)
            assert torch.equal(once, network(given)) == (not strength or not training)


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_a_strength_that_there_is_not_is_named(strength):
    with pytest.raises(ValueError, match=f"warp is {strength}; it takes 0 to 1"):
        infogan.InfoDiscriminator28(warp=strength)
