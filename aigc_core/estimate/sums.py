"""What is kept of logarithmic weights that come a few draws at a time: so much that no chunk is seen in the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Sums:
    """The sum of n images' log weights, and of the weights themselves, each relative to the largest so far."""

    def __init__(self, n: int) -> None:
        import numpy as np

        self.count = 0
        self.total = np.zeros(n)
        self.largest = np.full(n, -np.inf)
        self.scaled = np.zeros(n)

    def add(self, weights: np.ndarray) -> None:
        """Take in log weights (n, k), float64, finite or -inf: of a weight of 0."""
        import numpy as np

        largest = np.maximum(self.largest, weights.max(1))
        to = np.where(np.isneginf(largest), 0.0, largest)  # of weights that are all 0, the difference would be NaN
        self.scaled = self.scaled * np.exp(self.largest - to) + np.exp(weights - to[:, None]).sum(1)
        self.largest = largest
        self.total += weights.sum(1)
        self.count += weights.shape[1]

    def mean(self) -> np.ndarray:
        """Return the mean of the log weights, (n,)."""
        return self.total / self.count

    def log_mean(self) -> np.ndarray:
        """Return the logarithm of the weights' mean, (n,)."""
        import numpy as np

        with np.errstate(divide="ignore"):  # ln 0 is -inf, which is meant
            found: np.ndarray = self.largest + np.log(self.scaled / self.count)
        return found
