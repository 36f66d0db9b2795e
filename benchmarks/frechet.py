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

import aigc_core
from aigc_core import load
from aigc_core.evaluate.fashion_features import FashionFeatures, Network
from aigc_core.evaluate.metrics.frechet import distance
from aigc_core.weights import load_module
from benchmarks.fashion_classes import data, predicted, train

WEIGHTS = Path(aigc_core.__file__).parent / "zoo" / "weights" / "fashion-features.safetensors"
RATE, EPOCHS = 1e-3, 8
COUNT = 10_000
"""Samples of each side: a distance falls as they become more, so others do not compare."""


def features(network: FashionFeatures, images: torch.Tensor) -> torch.Tensor:
    """Return the features (n, 128), float64, of images (n, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(network.features(images.numpy(), {}).values).double()


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
        save_file(train(given.data, Network, RATE, EPOCHS).state_dict(), WEIGHTS)
    classifier = load_module(Network, WEIGHTS)
    network = FashionFeatures(classifier)
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    accuracy = (predicted(classifier, real) == labels).double().mean().item()
    print(
        f"Features: {WEIGHTS.name}, sha256 {digest}; as a classifier it is right of {100 * accuracy:.2f} % of the test."
    )
    wanted = features(network, real)
    known, _ = data(given.data, "train")
    some = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(0))[:COUNT]]
    floor = distance(features(network, some), wanted)
    print(f"\n| images | Frechet distance, n = {COUNT:,} | x the floor |\n|---|---|---|")
    print(f"| training images (the floor) | {floor:.3f} | 1.0 |")
    for name in given.models:
        model = load(name)
        for seed in given.seeds:
            levels = model.generate(COUNT, seed=seed).levels()
            found = distance(features(network, torch.from_numpy(levels.astype(np.float32) / 255)), wanted)
            print(f"| {Path(name).name}, seed {seed} | {found:.3f} | {found / floor:.1f} |")


if __name__ == "__main__":
    main()
