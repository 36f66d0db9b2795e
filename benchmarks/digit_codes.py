"""Which digits the codes of an InfoGAN mean, though no label was used: arXiv 1606.03657, section 7.2.

``python -m benchmarks.digit_codes DIGITS MODEL [--run FOLDER] [--count 10000]`` matches each class of the code to a
digit of its own, so that most agree, and prints the share that does not: of samples, by a classifier that never saw
one; and with ``--run``, the folder of the training, as the paper has it: of real digits, by the network that reads the
codes, which is no part of the model. ``--train`` trains the classifier first, on four fifths of the digits from one
seed, and states its accuracy on the others.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from aigc_core import load
from aigc_core.train import checkpoint
from aigc_core.weights import load_module
from aigc_gan.datasets import mnist_digits
from aigc_gan.infogan import InfoDiscriminator28
from benchmarks.fashion_classes import Classifier, predicted

WEIGHTS = Path(__file__).parent / "weights" / "digit-classes.safetensors"
RATE, EPOCHS, BATCH, SEED, SHIFT = 2e-3, 20, 128, 1, 2
HELD_OUT = 5
"""One digit in so many is kept from the classifier."""


def data(folder: Path) -> tuple[Tensor, Tensor]:
    """Return the digits (10000, 1, 28, 28) in [0, 1] and their labels."""
    images, labels = mnist_digits(folder)
    return torch.from_numpy(images.astype(np.float32)[:, None] / 255), torch.from_numpy(labels)


def train(images: Tensor, labels: Tensor) -> Classifier:
    """Train on the digits: Adam, its rate falling by a cosine, each batch moved by up to two pixels each way."""
    torch.manual_seed(SEED)
    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * (len(images) // BATCH))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            moved = images[rows].roll(torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist(), (2, 3))
            optimizer.zero_grad()
            cross_entropy(network(moved), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def matched(codes: Tensor, digits: Tensor) -> tuple[list[int], float]:
    """Return the digit that each code means, each another, and the share of rows that are of another digit."""
    from scipy.optimize import linear_sum_assignment

    counts = torch.zeros(10, 10, dtype=torch.int64)
    counts.index_put_((codes, digits), torch.ones_like(codes), accumulate=True)
    _, meant = linear_sum_assignment(counts.numpy(), maximize=True)
    return meant.tolist(), 1 - counts[torch.arange(10), torch.from_numpy(meant)].sum().item() / len(codes)


def of_samples(network: Classifier, name: str, count: int, seed: int) -> tuple[list[int], float]:
    """Return what the codes of a model's samples mean, and the error; ``count`` samples, as many of each code."""
    model, each = load(name), count // 10
    made = [model.generate(each, seed=seed + code, code_class=code).levels() for code in range(10)]
    images = torch.from_numpy(np.concatenate(made).astype(np.float32) / 255)
    return matched(torch.arange(10).repeat_interleave(each), predicted(network, images))


def of_real(run: Path, images: Tensor, labels: Tensor) -> tuple[list[int], float]:
    """Return what the codes that are read off real digits mean, and the error, by a training's newest checkpoint."""
    found = checkpoint.newest(run / "checkpoints", print)
    assert found is not None, f"{run} has no checkpoint"
    tensors, state = found
    network = InfoDiscriminator28(**state["recipe"]["networks"]["discriminator"]["config"])
    prefix = "network.discriminator."
    network.load_state_dict({name.removeprefix(prefix): value for name, value in tensors.items() if prefix in name})
    network.eval()  # it warps what it is shown while it trains
    with torch.inference_mode():
        heads = [network(part * 2 - 1, heads=True)[1] for part in images.split(500)]
    return matched(torch.cat([each["code_class_logits"].argmax(1) for each in heads]), labels)


def main() -> None:
    """Train, where that is asked for; then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("digits", type=Path, help="folder of the unpacked package")
    parser.add_argument("model", nargs="?", help="name or folder")
    parser.add_argument("--run", type=Path, help="folder of its training")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the samples")
    parser.add_argument("--train", action="store_true", help="train the classifier first")
    given = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    images, labels = data(given.digits)
    held_out = torch.arange(len(images)) % HELD_OUT == 0
    if given.train:
        save_file(train(images[~held_out], labels[~held_out]).state_dict(), WEIGHTS)
    network = load_module(Classifier, WEIGHTS)
    right = (predicted(network, images[held_out]) == labels[held_out]).double().mean().item()
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    print(f"Classifier: sha256 {digest}; right of {100 * right:.2f} % of {int(held_out.sum()):,} held-out digits.\n")
    if not given.model:
        return
    print("| of | codes 0 to 9 mean | code-to-digit error |\n|---|---|---|")
    rows = {f"{given.count:,} samples": of_samples(network, given.model, given.count, given.seed)}
    if given.run:
        rows[f"{len(images):,} real digits, by the network that reads codes"] = of_real(given.run, images, labels)
    for what, (meant, error) in rows.items():
        print(f"| {what} | {' '.join(map(str, meant))} | {100 * error:.2f} % |")


if __name__ == "__main__":
    main()
