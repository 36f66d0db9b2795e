"""Rings and grids of Gaussians in the plane, and what samples of a model of them are worth (arXiv 1712.04086)."""

from __future__ import annotations

import math
from typing import Any

POINTS = 100_000
"""How many real points there are."""


def centres(kind: str) -> tuple[Any, float]:
    """Return the modes' centres, float64 (k, 2), and their standard deviation."""
    import torch

    if kind == "ring":
        angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
        return torch.stack([angle.cos(), angle.sin()], 1), 0.01
    line = torch.arange(-4, 5, 2, dtype=torch.float64)
    return torch.cartesian_prod(line, line), 0.05


def data_of(kind: str, seed: int) -> Any:
    """Draw the run's points, float32, each from a mode that is drawn first."""
    import torch

    from aigc_core.train.data.rows import DataSet, ImageRows

    random = torch.Generator().manual_seed(0x9AC + seed)
    modes, deviation = centres(kind)
    which = torch.randint(len(modes), (POINTS,), generator=random)
    points = modes[which] + deviation * torch.randn(POINTS, 2, generator=random, dtype=torch.float64)
    return DataSet(ImageRows(points.float()), None, None, {"name": kind}, {"shape": [2]})


def score(points: Any, kind: str) -> dict[str, Any]:
    """Return modes that are found, the share of high quality and the reverse KL, of points (n, 2).

    A point is of high quality within three standard deviations of a centre, a mode is found where one such point is.
    ``reverse_kl`` is KL(q | p) in nats over the modes, p uniform, q the shares of the points by the nearest centre;
    ``reverse_kl_high`` counts only those of high quality, as the paper's published code does.
    """
    import torch

    modes, deviation = centres(kind)
    distance, nearest = torch.cdist(points.double(), modes).min(1)
    high = distance < 3 * deviation
    every = torch.bincount(nearest, minlength=len(modes)).double()
    good = torch.bincount(nearest[high], minlength=len(modes)).double()

    def divergence(counts: Any) -> float | None:
        if not counts.sum():
            return None
        share = counts / counts.sum()
        return round(float(torch.xlogy(share, share * len(modes)).sum()), 4)

    return {
        "modes": int((good > 0).sum()),
        "high_quality": round(float(high.double().mean()), 4),
        "reverse_kl": divergence(every),
        "reverse_kl_high": divergence(good),
        "high_quality_by_mode": [int(each) for each in good],
    }
