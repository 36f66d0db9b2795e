"""How near samples come to the training images, and which classes these are.

``python -m benchmarks.nearest DATA MODEL...`` takes models that were trained on the clothes or on the digits. Copies
would show as distances far below those of held-out images; a class that is dropped as a missing share.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aigc_core import load, registry
from benchmarks import digit_codes, fashion_classes

COUNT = 1000


def known(name: str, folder: Path) -> tuple[Tensor, Tensor]:
    """Return the training images of a data set, (n, 1, 28, 28) in [0, 1], and their classes."""
    return fashion_classes.data(folder, "train") if name == "fashion-mnist" else digit_codes.data(folder)


def report(what: str, queries: Tensor, training: Tensor, classes: Tensor) -> None:
    """Print the distances (L2, pixels in [0, 1]) and the shares of the nearest images' classes."""
    distance, index = torch.cdist(queries.flatten(1), training.flatten(1)).min(1)
    low, median = distance.quantile(0.05), distance.median()
    shares = torch.bincount(classes[index], minlength=10).mul(100 / len(queries)).tolist()
    print(f"{what}: nearest training image at {median:.2f} (median), {low:.2f} (5 %), {distance.min():.2f} (least);")
    print(f"  classes 0 to 9 of these, in %: {', '.join(f'{share:.1f}' for share in shares)}")


def main() -> None:
    """Report on the models that are named, and on held-out images where there are any."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nearest", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds fashion-mnist and mnist-digits")
    parser.add_argument("models", nargs="+", help="names or folders")
    given = parser.parse_args()
    for model in given.models:
        manifest = registry.find(model).manifest
        assert manifest is not None
        name = manifest.document["origin"]["data"]["id"]
        training, classes = known(name, given.data / name)
        samples = torch.from_numpy(load(model).generate(COUNT).levels().astype(np.float32)) / 255
        report(f"{COUNT} samples of {model}", samples, training, classes)
        if name == "fashion-mnist":
            held_out, _ = fashion_classes.data(given.data / name, "t10k")
            report(f"{COUNT} held-out images of {name}", held_out[:COUNT], training, classes)


if __name__ == "__main__":
    main()
