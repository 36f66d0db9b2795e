import pytest
import torch

from aigc_vae.vq.network import VqVae28

TINY = {"width": 4, "codes": 8, "code_dim": 3, "prior_width": 8, "prior_layers": 2, "prior_heads": 2}


@pytest.fixture
def tiny():
    return dict(TINY)


@pytest.fixture
def network():
    """A VQ-VAE with random weights, whose codes spread over the codebook."""
    torch.manual_seed(0)
    made = VqVae28(**TINY)
    with torch.no_grad():
        made.codebook.entries.copy_(made.vectors(images(8)).reshape(-1, 3)[::49])
        made.codebook.uses.fill_(1.0)
    return made


@pytest.fixture
def draw():
    return images


def images(count, seed=1):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
