"""The maths library: the same bits for the same numbers, wherever in memory they lie."""

from __future__ import annotations

import os
from contextlib import suppress


def settle() -> None:
    """Keep MKL from choosing its kernels by addresses. It reads this at its first product, so before that.

    Without it, on an AMD EPYC with AVX2, a row times weights that are mapped from a file differs in the last bits from
    the same row times the same weights in memory: a model would not give the same sample twice. MKL's mode of
    reproducible results costs nothing there that could be measured. Intel's processors are left as they are: no such
    difference was seen on them, and what is recorded there was computed without the mode.
    """
    if "MKL_CBWR" not in os.environ and not _is_intel():
        os.environ["MKL_CBWR"] = "AUTO"


def _is_intel() -> bool:
    with suppress(OSError), open("/proc/cpuinfo", encoding="ascii", errors="replace") as facts:
        return "GenuineIntel" in facts.read(200)
    return False
