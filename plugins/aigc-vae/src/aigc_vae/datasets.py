"""Data sets that only this family is judged by."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aigc_core.errors import NotAvailable

SIDE = 28
MOST = 1_000_000
"""How many images a file may say that it has: their memory is taken before they are seen."""


def binarized_mnist(path: Path) -> np.ndarray:
    """Read one part of Larochelle's fixed binarisation of MNIST, a MATLAB file with X (n, 784) of 0 and 1.

    Returns uint8 (n, 28, 28) of 0 and 255. The test rows are sorted by digit: no first part of them stands for all.
    Raises ``ValueError`` for a file of anything else, ``NotAvailable`` where the reader of MATLAB files is missing.
    """
    try:
        from scipy.io import loadmat, whosmat
    except ImportError:
        raise NotAvailable("MATLAB files are read with scipy.", 'Try: pip install "aigc-vae[mat]"') from None
    with path.open("rb") as stream:
        try:
            shape = {name: shape for name, shape, _ in whosmat(stream)}.get("X", ())
            fits = len(shape) == 2 and shape[0] <= MOST and shape[1] == SIDE * SIDE
            stream.seek(0)
            rows = loadmat(stream, variable_names=["X"])["X"] if fits else None
        except Exception as error:  # whatever scipy makes of a file that is none: its own type, zlib's, TypeError ...
            said = " ".join(str(error).split())[:200].rstrip(".")
            raise ValueError(f"{path.name} is no MATLAB file that scipy can read ({said})") from error
    if not isinstance(rows, np.ndarray) or not np.isin(rows, (0, 1)).all():
        raise ValueError(f"{path.name} has no matrix X of {SIDE * SIDE} columns of 0 and 1")
    images: np.ndarray = np.ascontiguousarray(rows, np.uint8).reshape(-1, SIDE, SIDE) * np.uint8(255)
    return images
