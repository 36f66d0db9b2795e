"""Copies among images: samples that lie nearer to one training image than held-out images ever do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aigc_core.evaluate.memorised.rank import rank_z
from aigc_core.interfaces.metric import Direction, Measured

if TYPE_CHECKING:
    import numpy as np
    import torch

AT_MOST = 2000
"""So many samples are looked at, and as many held-out images: their distances from all training images are the work."""
NEIGHBOURS = 10
LEVEL = 0.0025
"""The share of held-out images that is flagged: the false positives that are allowed."""
_ROWS = 250
_SHOWN = 10
_TINY = 1e-6
_SAME = 1e-3
"""Rounding of 32 bits leaves less between two equal images of length 1."""


class MemorisedImages:
    """How many samples are flagged as copies, and whether samples lie nearer to the training data than held-out ones.

    Of each image, brightness and contrast are taken out (mean 0, length 1). Its isolation is the distance to the
    nearest training image over the mean of those to the next ten, as in arXiv 2301.13188 (section 5.1): a copy has one
    image that is far nearer than all others, whatever its class. Flagged is what is less isolated than 0.25 % of
    held-out images are. ``nearness`` is the C_T of arXiv 2004.05675 (section 4) without its cells: the z of Mann and
    Whitney's rank test of samples' distances against held-out ones; far below 0 are copies, far above 0 poor samples.
    Found are copies with noise, other brightness and contrast, or as JPEG; mirrored or moved ones are not.
    """

    needs = ("images", "real_images", "training_images")
    values: ClassVar[Mapping[str, Direction]] = {"flagged": "lower", "nearness": "higher"}
    estimator = f"ratio{NEIGHBOURS}.quarter-percent.first-{AT_MOST}"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of less than 400 held-out images, of which 0.25 % are none."""
        import numpy as np

        training, held_out = inputs["training_images"], inputs["real_images"][:AT_MOST]
        if len(held_out) * LEVEL < 1 or len(training) <= NEIGHBOURS or not len(inputs["images"]):
            why = f"it takes {round(1 / LEVEL)} held-out and {NEIGHBOURS + 1} training images"
            return Measured(dict.fromkeys(self.values, float("nan")), why)
        known = _normal(training)
        nearest, isolation, place = neighbours(_normal(inputs["images"][:AT_MOST]), known)
        usual_nearest, usual, _ = neighbours(_normal(held_out), known)
        bar = float(np.quantile(usual, LEVEL))
        flagged = np.flatnonzero(isolation < bar)
        pairs = sorted(flagged, key=lambda row: (isolation[row], row))[:_SHOWN]
        details = {
            "bar": bar,
            "rows": flagged.tolist(),
            "expected": LEVEL * len(isolation),
            "pairs": [
                {"sample": int(row), "training": int(place[row]), "isolation": float(isolation[row])} for row in pairs
            ],
        }
        values = {"flagged": len(flagged) / len(isolation), "nearness": rank_z(nearest, usual_nearest)}
        return Measured(values, "", details)


def neighbours(queries: torch.Tensor, known: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each row (n, d) its distance to the nearest known one, its isolation, and which one that is."""
    import numpy as np

    found = []
    squares = (known * known).sum(1)
    for rows in (queries[at : at + _ROWS] for at in range(0, len(queries), _ROWS)):
        apart = (rows * rows).sum(1)[:, None] + squares[None] - 2 * rows @ known.T
        near = apart.topk(NEIGHBOURS + 1, dim=1, largest=False)
        away = near.values.clamp(min=0).sqrt().double()
        ratio = (away[:, 0] + _TINY) / (away[:, 1:].mean(1) + _TINY)
        alike = away[:, -1] < _SAME  # of more than ten equal images: a copy of them is a copy all the same
        found.append(
            (away[:, 0].numpy(), ratio.where(~alike, ratio.new_tensor(0.0)).numpy(), near.indices[:, 0].numpy())
        )
    nearest, isolation, place = (np.concatenate(each) for each in zip(*found, strict=True))
    return nearest, isolation, place


def _normal(images: np.ndarray) -> torch.Tensor:
    """Return images (n, c, h, w) as rows of mean 0 and length 1, float32; of one colour throughout, as zeros."""
    import torch

    rows = torch.tensor(images.reshape(len(images), -1), dtype=torch.float32)
    rows -= rows.mean(1, keepdim=True)
    length = rows.norm(dim=1, keepdim=True)
    rows /= length.clamp(min=_TINY)
    return rows
