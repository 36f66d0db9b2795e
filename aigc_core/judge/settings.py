"""What every model is asked for, and by what it is held: one set of choices for a whole run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from aigc_core.sandbox.choose import Backend


class Settings(NamedTuple):
    """What every model is asked for, and by what it is held."""

    backend: Backend
    samples: int = 64
    """Samples of each seed."""
    seeds: tuple[int, ...] = (0,)
    threads: int = 1
    few: int = 8
    """So many samples are made again, and once more one at a time."""
    most_s: float = 3600
    """The most seconds that a model may compute, or do nothing, whatever its manifest says."""
    most_mb: int = 16_384
    """The most memory that it may take, whatever its manifest says."""
    trusted: tuple[str, ...] = ()
    """Plugins whose code somebody has read: it may run in a weaker sandbox, and as a metric outside of one."""
    data: Mapping[str, str] = {}
    """Where data sets lie, by the names that recipes have for them."""
    stop: threading.Event | None = None
    """Set where the user wants no more: every sandbox ends."""
