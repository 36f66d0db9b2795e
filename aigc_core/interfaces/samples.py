"""What a generator returns: values in data space, with the range that they are declared to lie in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Samples(NamedTuple):
    """One batch of samples in data space. Row *i* depends on row *i* of the noise and on nothing else in the batch.

    An image batch has ``values`` of shape (n, channels, height, width), float32, with 1 or 3 channels.
    """

    kind: str
    """The medium: ``image``."""
    values: np.ndarray
    """One sample a row."""
    range: tuple[float, float]
    """The values' lowest and highest possible value, such as (-1, 1) after tanh."""

    def levels(self) -> np.ndarray:
        """Return the values as 8-bit levels: uint8 of the same shape, 0 at the range's low end and 255 at its high."""
        import numpy as np

        low, high = self.range
        return np.rint(np.clip((self.values - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)
