"""How far a model's images lie from real ones: Frechet distance on the features of a classifier of our own.

``python -m benchmarks.frechet DATA MODEL...`` judges models of 28 x 28 grey clothes against the 10,000
test images of Fashion-MNIST, beside the floor: 10,000 of the training images against the same. The extractor was
trained once, by ``--train``, before any of the models that are judged here; its hash is a part of the number's name.
This is no FID: that has another network (arXiv 1706.08500), and numbers of two networks do not compare.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from aigc_core import load
from aigc_core.weights import load_module
from benchmarks.fashion_classes import CLASSES, data, predicted, train

WEIGHTS = Path(__file__).parent / "weights" / "fashion-features.safetensors"
WIDTH, RATE, EPOCHS = 128, 1e-3, 8
COUNT = 10_000
"""Samples of each side: a distance falls as they become more, so others do not compare."""


class Extractor(nn.Sequential):
    """Images (n, 1, 28, 28) in [0, 1] to logits (n, 10); ``features`` are the 128 values that those are made of."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 7 * 7, WIDTH), nn.ReLU(),
            nn.Linear(WIDTH, len(CLASSES)),
        )  # fmt: skip

    @torch.inference_mode()
    def features(self, images: Tensor) -> np.ndarray:
        """Return the features (n, 128), float64."""
        below = nn.Sequential(*list(self)[:-1])
        return torch.cat([below(part) for part in images.split(500)]).double().numpy()


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return |m - m'|^2 + Tr(S + S' - 2 (S S')^(1/2)) of the normal distributions with two samples' moments.

    Samples are (n, d) and (m, d) float64; covariances are the unbiased ones (arXiv 1706.08500, equation 6). The trace
    of the root is that of (S^(1/2) S' S^(1/2))^(1/2), which is symmetric, so its eigenvalues are real.
    """
    means, covariances = [each.mean(0) for each in (one, other)], [np.cov(each, rowvar=False) for each in (one, other)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariances[1] @ root).clip(0)).sum()
    between = np.square(means[0] - means[1]).sum()
    return float(between + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * cross)


def main() -> None:
    """Train, where that is asked for; then judge the models that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of Fashion-MNIST's four files")
    parser.add_argument("models", nargs="*", help="names or folders")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0], help="seeds of the samples")
    parser.add_argument("--train", action="store_true", help="train the extractor first")
    given = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    real, labels = data(given.data, "t10k")
    if given.train:
        save_file(train(given.data, Extractor, RATE, EPOCHS).state_dict(), WEIGHTS)
    network = load_module(Extractor, WEIGHTS)
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    accuracy = (predicted(network, real) == labels).double().mean().item()
    print(
        f"Features: {WEIGHTS.name}, sha256 {digest}; as a classifier it is right of {100 * accuracy:.2f} % of the test."
    )
    wanted = network.features(real)
    known, _ = data(given.data, "train")
    some = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(0))[:COUNT]]
    floor = distance(network.features(some), wanted)
    print(f"\n| images | Frechet distance, n = {COUNT:,} | x the floor |\n|---|---|---|")
    print(f"| training images (the floor) | {floor:.3f} | 1.0 |")
    for name in given.models:
        model = load(name)
        for seed in given.seeds:
            levels = model.generate(COUNT, seed=seed).levels()
            found = distance(network.features(torch.from_numpy(levels.astype(np.float32) / 255)), wanted)
            print(f"| {Path(name).name}, seed {seed} | {found:.3f} | {found / floor:.1f} |")


if __name__ == "__main__":
    main()
