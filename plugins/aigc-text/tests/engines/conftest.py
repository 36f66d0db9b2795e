"""What the engines' tests share."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def tokens():
    """Return a function that draws so many tokens of the vocabulary of ``models``."""

    def draw(count, seed=0):
        return np.random.default_rng(seed).integers(300, size=count).tolist()

    return draw
