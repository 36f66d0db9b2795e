"""Planted copies of training data: how many are found, and how much that is no copy is taken for one.

``python -m benchmarks.copies [SHAKESPEARE.txt]``. Real data play the model, which is the hardest case: what is no copy
is as good as what was held out. Each way in which copies are changed is that of ``tests/evaluate/planted.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aigc_core.evaluate.memorised.images import MemorisedImages
from aigc_core.evaluate.memorised.texts import MemorisedTexts
from aigc_core.evaluate.reference_texts import pieces
from aigc_core.train.data.sources.idx import read

ROOT = Path(__file__).resolve().parents[1]
FASHION = ROOT / ".data" / "fashion-mnist"
SHARES = (0.01, 0.05, 0.2)
SEEDS = (1, 2, 3)


def planted(samples: Any, training: Any, share: float, way: Callable[..., Any], seed: int) -> tuple[Any, set[int]]:
    """Return samples in which changed copies stand in the place of some, and their places."""
    random = np.random.default_rng(seed)
    places = random.choice(len(samples), round(share * len(samples)), replace=False)
    chosen = random.choice(len(training), len(places), replace=False)
    made = samples.copy()
    copies = way(training[chosen] if isinstance(training, np.ndarray) else [training[at] for at in chosen], random)
    for place, copy in zip(places, copies, strict=True):
        made[place] = copy
    return made, {*places.tolist()}


def row(what: str, metric: Any, names: tuple[str, str, str], data: tuple[Any, Any, Any], way: Any) -> str:
    """Return a row: recall and false positives of each share, over the seeds together."""
    training, held_out, samples = data
    cells = []
    for share in SHARES:
        found, copies, wrong, others = 0, 0, 0, 0
        for seed in SEEDS:
            made, places = planted(samples, training, share, way, seed)
            flagged = {*metric(dict(zip(names, (made, held_out, training), strict=True))).details["rows"]}
            found, copies = found + len(flagged & places), copies + len(places)
            wrong, others = wrong + len(flagged - places), others + len(made) - len(places)
        cells.append(f"{found / copies:.3f} ({copies}), {100 * wrong / others:.2f} %")
    return f"| {what}, {way.__name__} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    sys.path.insert(0, str(ROOT / "tests" / "evaluate"))
    import planted as ways

    training, test = (read(FASHION / f"{part}-images-idx3-ubyte.gz")[:, None] for part in ("train", "t10k"))
    images = training, test[:2000], test[2000:4000]
    text = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".data" / "shakespeare" / "works.txt").read_text("utf-8")
    cut = len(text) * 8 // 10
    held_out = pieces([text[cut:]])
    texts = pieces([text[:cut]]), held_out[::2], held_out[1::2]
    print(f"{len(images[0]):,}, {len(images[1]):,} and {len(images[2]):,} images of Fashion-MNIST are training data,")
    print(f"held out and samples; {len(texts[0]):,}, {len(texts[1]):,} and {len(texts[2]):,} pieces of Shakespeare.\n")
    print("| copies | " + " | ".join(f"{100 * share:.0f} %: recall, false" for share in SHARES) + " |")
    print("|---|" + "---|" * len(SHARES))
    for way in ways.IMAGES:
        print(row("images", MemorisedImages(), ("images", "real_images", "training_images"), images, way), flush=True)
    for way in ways.TEXTS:
        print(row("texts", MemorisedTexts(), ("texts", "real_texts", "training_texts"), texts, way), flush=True)


if __name__ == "__main__":
    main()
