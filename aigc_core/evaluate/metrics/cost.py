"""What a model costs: samples a second, the time to the first sample, the most memory. They are of one machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from aigc_core.interfaces.metric import Direction, Measured


class Cost:
    """Throughput and cold start by the wall, and the largest resident memory, of a process that does nothing else.

    These are the only numbers here that another run changes: they are never kept, and compare on one idle machine
    alone, which the score's settings name and its id cannot.
    """

    needs = ("first_sample_s", "samples_s", "samples", "peak_bytes")
    values: ClassVar[Mapping[str, Direction]] = {
        "samples-per-second": "higher",
        "cold-start-seconds": "lower",
        "peak-megabytes": "lower",
    }
    estimator = "fresh-process"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN where no time passed."""
        wall = inputs["samples_s"]
        return Measured(
            {
                "samples-per-second": inputs["samples"] / wall if wall > 0 else math.nan,
                "cold-start-seconds": float(inputs["first_sample_s"]),
                "peak-megabytes": inputs["peak_bytes"] / 1e6,
            },
            "" if wall > 0 else "no time passed",
        )
