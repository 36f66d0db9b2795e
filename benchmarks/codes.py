"""How a VQ-VAE codes images that it never saw: ``python -m benchmarks.codes FASHION-MNIST MODEL...``.

Over all 10,000 test images at once: which part of the codebook they use, the perplexity of that use, and what the
codes keep of the pixels.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

from aigc_core import load
from aigc_core.interfaces import Autoencoder
from aigc_core.train.data.sources.idx import read

BATCH = 500


def usage(codes: np.ndarray, count: int) -> tuple[float, float]:
    """Return the share of ``count`` codes that are in use, and the perplexity exp(H) of their shares."""
    counts = np.bincount(codes.ravel(), minlength=count)
    shares = counts[counts > 0] / counts.sum()
    return len(shares) / count, math.exp(-(shares * np.log(shares)).sum())


def row(name: str, images: np.ndarray) -> str:
    """Return a model's row of the table; ``images`` (n, 1, 28, 28) lie in [0, 1]."""
    model = load(name).generator
    assert isinstance(model, Autoencoder)
    codes, nats, squares = [], 0.0, 0.0
    for first in range(0, len(images), BATCH):
        given = images[first : first + BATCH]
        codes.append(model.encode(given, {}).values)
        mean = model.decode(codes[-1], {}).values.astype(np.float64).clip(1e-7, 1 - 1e-7)
        nats -= float((given * np.log(mean) + (1 - given) * np.log1p(-mean)).sum())
        squares += float(np.square(given - mean).sum())
    used, perplexity = usage(np.concatenate(codes), model.latent.codes)
    error = squares / images.size
    return (
        f"| {Path(name).name} | {100 * used:.1f} % of {model.latent.codes} | {perplexity:.0f} | "
        f"{nats / len(images):.2f} | {error:.5f} | {-10 * math.log10(error):.2f} dB |"
    )


def main(folder: Path, names: list[str]) -> None:
    """Print the table."""
    images = read(folder / "t10k-images-idx3-ubyte.gz").astype(np.float32)[:, None] / 255
    print("| model | codes in use | perplexity | cross-entropy of grey pixels, nats an image | MSE | PSNR of it |")
    print("|---|---|---|---|---|---|")
    for name in names:
        print(row(name, images))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
