"""How near samples come to the training images, and which classes these are: ``python -m benchmarks.nearest DATA``.

Copies would show as distances far below those of held-out images; a class that is dropped as a missing share.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import torch

from aigc_core import load
from aigc_gan.data import READERS

COUNT = 1000
FOLDERS = {"dcgan-fashion": "fashion-mnist", "dcgan-digits": "mnist-digits"}


def rows(images: np.ndarray) -> torch.Tensor:
    """Flatten 8-bit images to rows in [0, 1]."""
    return torch.from_numpy(images.reshape(len(images), -1).astype(np.float32) / 255)


def labels(name: str, folder: Path) -> torch.Tensor:
    """Return the class of every training image."""
    if name == "fashion-mnist":
        data = gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes())
        return torch.from_numpy(np.frombuffer(data, np.uint8, offset=8).astype(np.int64))
    import json

    counts = [len(json.loads((folder / "src" / "digits" / f"{d}.json").read_bytes())["data"]) // 784 for d in range(10)]
    return torch.repeat_interleave(torch.arange(10), torch.tensor(counts))


def report(what: str, queries: torch.Tensor, training: torch.Tensor, classes: torch.Tensor) -> None:
    """Print the distances (L2, pixels in [0, 1]) and the shares of the nearest images' classes."""
    distance, index = torch.cdist(queries, training).min(1)
    low, median = distance.quantile(0.05), distance.median()
    shares = torch.bincount(classes[index], minlength=10).mul(100 / len(queries)).tolist()
    print(f"{what}: nearest training image at {median:.2f} (median), {low:.2f} (5 %), {distance.min():.2f} (least);")
    print(f"  classes 0 to 9 of these, in %: {', '.join(f'{share:.1f}' for share in shares)}")


def main(data: Path) -> None:
    """Report on both bundled models, and on held-out images where there are any."""
    for model, name in FOLDERS.items():
        training, classes = rows(READERS[name](data / name)), labels(name, data / name)
        report(f"{COUNT} samples of {model}", rows(load(model).generate(COUNT).levels()), training, classes)
        held_out = data / name / "t10k-images-idx3-ubyte.gz"
        if held_out.exists():
            images = np.frombuffer(gzip.decompress(held_out.read_bytes()), np.uint8, offset=16).reshape(-1, 784)
            report(f"{COUNT} held-out images of {name}", rows(images[:COUNT]), training, classes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
