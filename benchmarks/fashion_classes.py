"""Which clothes a model makes, by a classifier that never saw a sample.

``python -m benchmarks.fashion_classes WEIGHTS MODEL... [--count 10000]`` prints the classes' shares as a table, and
of a model that takes a class the share of its samples that are found to be of the class that was asked for;
``python -m benchmarks.fashion_classes WEIGHTS --train DATA`` trains the classifier on Fashion-MNIST's 60,000 training
images first, on one thread from one seed, and states its accuracy on the 10,000 test images.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from aigc_core import load
from aigc_core.run.model import Model
from aigc_core.train.data.sources.idx import read
from aigc_core.weights import load_module

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
RATE, EPOCHS, BATCH, SEED = 2e-3, 6, 128, 1
Own = TypeVar("Own", bound=nn.Module)


class Classifier(nn.Sequential):
    """Images (n, 1, 28, 28) in [0, 1] to logits (n, 10): 54,666 parameters."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(64 * 7 * 7, len(CLASSES)),
        )  # fmt: skip


def data(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Return the images of ``train`` or ``t10k``, (n, 1, 28, 28) in [0, 1], and their classes (n,)."""
    images = read(folder / f"{part}-images-idx3-ubyte.gz").astype(np.float32)[:, None] / 255
    return torch.from_numpy(images), torch.from_numpy(read(folder / f"{part}-labels-idx1-ubyte.gz").astype(np.int64))


def train(folder: Path, kind: Callable[[], Own], rate: float, epochs: int) -> Own:
    """Train a network on the training images: Adam, its rate falling by a cosine, images mirrored at random."""
    torch.manual_seed(SEED)
    network, (images, labels) = kind(), data(folder, "train")
    optimizer = torch.optim.Adam(network.parameters(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (len(images) // BATCH))
    for _ in range(epochs):
        for rows in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            mirrored = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, images[rows].flip(3), images[rows])
            optimizer.zero_grad()
            cross_entropy(network(mirrored), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.inference_mode()
def predicted(network: nn.Module, images: Tensor) -> Tensor:
    """Return the likeliest class of each image."""
    return torch.cat([network(part).argmax(1) for part in images.split(500)])


def shares(network: Classifier, images: Tensor) -> list[float]:
    """Return the share of images in each class."""
    found: list[float] = torch.bincount(predicted(network, images), minlength=len(CLASSES)).div(len(images)).tolist()
    return found


def agreements(network: Classifier, model: Model, count: int, seed: int) -> list[float]:
    """Return, for each class, the share of its samples that are found to be of it."""
    found = []
    for number in range(len(CLASSES)):
        levels = model.generate(count // len(CLASSES), seed=seed, **{"class": number}).levels()
        images = torch.from_numpy(levels.astype(np.float32) / 255)
        found.append((predicted(network, images) == number).double().mean().item())
    return found


def table(found: dict[str, list[float]], least: float, most: float) -> list[str]:
    """Return the rows of a table of classes by model, with the verdict on each: every share is to lie between two."""
    lines = [f"| class | {' | '.join(found)} |", "|---|" + "---|" * len(found)]
    for number, name in enumerate(CLASSES):
        lines.append(f"| {name} | {' | '.join(f'{100 * each[number]:.1f} %' for each in found.values())} |")
    verdicts = ("holds" if least <= min(each) and max(each) <= most else "missed" for each in found.values())
    return [*lines, f"| **every class at {100 * least:.0f} to {100 * most:.0f} %** | {' | '.join(verdicts)} |"]


def main() -> None:
    """Train, where that is asked for, then judge the models that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="safetensors file of the classifier")
    parser.add_argument("models", nargs="*", help="names or folders of models of 28 x 28 grey images")
    parser.add_argument("--count", type=int, default=10_000, help="samples of each model")
    parser.add_argument("--bar", type=float, nargs=2, default=(0.05, 0.15), help="the least and the most of a class")
    parser.add_argument("--seed", type=int, default=0, help="seed of the samples")
    parser.add_argument("--train", type=Path, metavar="DATA", help="folder of Fashion-MNIST's four files")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.train:
        save_file(train(given.train, Classifier, RATE, EPOCHS).state_dict(), given.weights)
        network = load_module(Classifier, given.weights)
        images, labels = data(given.train, "t10k")
        accuracy = (predicted(network, images) == labels).double().mean().item()
        print(f"accuracy on {len(images):,} test images: {100 * accuracy:.2f} %")
        print(f"sha256 {hashlib.sha256(given.weights.read_bytes()).hexdigest()}")
        print("\n".join(table({"test images": shares(network, images)}, *given.bar)))
    network = load_module(Classifier, given.weights)
    found, asked = {}, {}
    for name in given.models:
        model = load(name)
        levels = model.generate(given.count, seed=given.seed).levels()
        found[Path(name).name] = shares(network, torch.from_numpy(levels.astype(np.float32) / 255))
        if "class" in model.manifest.options["properties"]:
            asked[Path(name).name] = agreements(network, model, given.count, given.seed)
    if found:
        print("\n".join(table(found, *given.bar)))
    for name, each in asked.items():
        by_class = ", ".join(f"{kind} {100 * share:.1f} %" for kind, share in zip(CLASSES, each, strict=True))
        print(f"\n{name}: {100 * sum(each) / len(each):.2f} % are of the class that was asked for ({by_class}).")


if __name__ == "__main__":
    main()
