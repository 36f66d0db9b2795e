"""How many samples are computed at once, and how many where nobody says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aigc_core.manifest import ModelManifest
from aigc_core.run.numbers import whole_number

if TYPE_CHECKING:
    import numpy as np

BATCH = 64
"""Every batch has this shape, the last one padded: so sample *i* is the same to the bit whatever is made beside it."""
LARGE = 3 * 128 * 128
"""An image of more numbers than this is computed alone: a batch of them would cost more memory than it saves time."""
SHEET = 2048 * 2048
"""As many pixels has a sheet at most where nobody says how many samples: 64 images of 256 x 256, 4 of 1024 x 1024."""
TEXT_BATCH = 8
"""As many texts are written side by side; fewer where fewer are asked for, because one alone is the usual case."""


def batch_shape(manifest: ModelManifest, count: int, most: int | None = None) -> int:
    """Return how many samples are computed at once: ``most`` of images, and of texts no more than are asked for.

    Where nobody says, ``BATCH`` images, or one that is ``LARGE``. Raises ``WrongUse`` where ``most`` is no such number.
    """
    if manifest.output.get("kind") != "text":
        usual = 1 if math.prod(manifest.output["shape"]) > LARGE else BATCH
        return whole_number(usual if most is None else most, "batch_size", 1)
    return max(1, min(count, whole_number(TEXT_BATCH if most is None else most, "batch_size", 1)))


def default_count(manifest: ModelManifest) -> int:
    """Return how many images are made where nobody says: ``BATCH``, or the few that fill a ``SHEET``."""
    pixels: int = math.prod(manifest.output["shape"][1:])
    return max(1, min(BATCH, SHEET // pixels))


def pad(values: np.ndarray, size: int) -> np.ndarray:
    """Repeat the first row until the batch has its full shape."""
    import numpy as np

    if len(values) == size:
        return values
    return np.concatenate([values, np.repeat(values[:1], size - len(values), axis=0)])
