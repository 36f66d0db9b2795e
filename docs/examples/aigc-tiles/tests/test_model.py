"""What only this plugin can know of itself; the contract is tested by ``pytest --aigc-zoo``."""

import torch

from aigc_tiles.data import patterns
from aigc_tiles.model import Discriminator, Network


def test_tiles_are_the_same_in_all_corners():
    images = Network(latent_dim=8, width=16)(torch.randn(3, 8, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(images, images.flip(2))
    assert torch.equal(images, images.flip(3))
    assert Discriminator(width=16)(images).shape == (3, 1)


def test_the_data_are_as_many_as_they_are_said_to_be():
    images = patterns(None)
    assert images.shape == (480, 28, 28)
    assert (images == images[:, ::-1]).all()
