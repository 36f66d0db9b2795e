"""How near one image is to another: PSNR and SSIM, both on 8-bit levels, so that files can be compared as they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PEAK = 255
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of two uint8 images (c, h, w) in dB; infinite where they are equal."""
    import numpy as np

    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 10 * math.log10(PEAK**2 / error) if error else math.inf


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Return the structural similarity of two uint8 images (c, h, w): the mean over all windows and channels.

    As in Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural
    similarity", IEEE Transactions on Image Processing 13 (4), 2004: a circular Gaussian window of 11 x 11 with standard
    deviation 1.5, K1 = 0.01, K2 = 0.03, where it lies wholly inside the image. A side shorter than the window has one
    as long as the largest odd number that fits.
    """
    import numpy as np

    return float(np.mean([_ssim(x.astype(np.float64), y.astype(np.float64)) for x, y in zip(one, other, strict=True)]))


def _ssim(x: np.ndarray, y: np.ndarray) -> float:
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    both = _blurred(x * y) - mean_x * mean_y
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return float((luminance * (2 * both + c2) / (var_x + var_y + c2)).mean())


def _blurred(values: np.ndarray) -> np.ndarray:
    """Average each place with the Gaussian window, along one side and then the other."""
    import numpy as np

    for _ in range(2):
        size = values.shape[-1]
        length = min(WINDOW, (size - 1) // 2 * 2 + 1)
        weights = np.exp(-((np.arange(length) - length // 2) ** 2) / (2 * SIGMA**2))
        blurred = np.zeros((*values.shape[:-1], size - length + 1))
        for at, weight in enumerate(weights / weights.sum()):
            blurred += weight * values[..., at : at + size - length + 1]
        values = blurred.swapaxes(-1, -2)
    return values
