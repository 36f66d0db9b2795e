"""What every test, the core's or a plugin's, leaves of the process as it found it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from aigc_core import interrupt, same_bits

same_bits.settle()  # before any test computes anything


@pytest.fixture(autouse=True)
def process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what a command changes for its whole process, where a test runs it in this one.

    Signal handlers, and how denormal numbers are treated: hypothesis, for one, refuses to draw floats without them.
    """
    monkeypatch.setattr(interrupt, "_pending", False)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
