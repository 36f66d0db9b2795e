"""What is wrong with a training, in words: data out of range, mode collapse, idle parameters; and who says it, once.

Numbers that are not finite have a module of their own, ``finite``. Nothing here knows a family; what only a family can
tell comes from its trainer's ``warnings``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor, nn

from aigc_core.errors import CheckFailed, counted
from aigc_core.train.checks import unused_parameters
from aigc_core.train.finite import finite, some

ROUNDING = 1e-5
"""How far beyond their range data may lie, as a part of it: what scaling 8-bit levels in float32 can cost."""
COLLAPSE = 0.1
"""The part of the data's spread that samples must at least have."""


class Watch:
    """Passes warnings on, each once; in strict mode the first one stops the training."""

    def __init__(self, strict: bool, tell: Callable[[str], None]) -> None:
        self.strict, self.tell = strict, tell
        self.said: list[str] = []
        """What was passed on, in order."""
        self._known: set[tuple[str, str]] = set()

    def say(self, kind: str, text: str) -> None:
        """Pass a warning on unless it is empty or was said before, be it with other numbers.

        Raises ``CheckFailed`` with it in strict mode.
        """
        known = (kind, re.sub(r"-?\d[\d.,e+-]*", "#", text))
        if not text or known in self._known:
            return
        if self.strict:
            raise CheckFailed(text, "Without --strict, the training goes on.")
        self._known.add(known)
        self.said.append(text)
        self.tell(text)


def out_of_range(batch: Mapping[str, Tensor], declared: tuple[float, float]) -> str:
    """Say where a batch's ``images`` (n, ...) leave the range that the model makes, or use its upper half alone.

    The second is what data in [0, 1] do against tanh (give the first batches whole: one image may be bright). Returns
    an empty text for data that are no images.
    """
    low, high = declared
    if "images" not in batch or not (images := batch["images"]).numel():
        return ""
    if not finite(images):
        return "The data hold numbers that are not finite."
    least, most = images.min().item(), images.max().item()
    text = f"The data lie in [{_short(least)}, {_short(most)}], the model's range is [{low:g}, {high:g}]"
    room = ROUNDING * (high - low)
    if least < low - room or most > high + room:
        return f"{text}."
    if least >= (low + high) / 2:
        return f"{text}: its lower half is not used."
    return ""


def spread(values: Tensor) -> float:
    """Return how much samples (n, ...) differ: the mean over their numbers of the standard deviation over samples."""
    return values.flatten(1).double().std(0, unbiased=False).mean().item()


def collapsed(samples: Tensor, reference: float) -> str:
    """Say where samples (n, ...) hardly differ: mode collapse, seen by a spread far below the data's.

    ``reference`` is the ``spread`` of as many rows of the data.
    """
    if len(samples) < 2:
        return ""
    found = spread(samples)
    if not found < COLLAPSE * reference:
        return ""
    return (
        f"Mode collapse: {counted(len(samples), 'sample')} differ by {_short(found)} on average, "
        f"rows of the data by {_short(reference)}."
    )


def idle(networks: Mapping[str, nn.Module]) -> str:
    """Say which parameters the last step gave no gradient, though they are to be trained."""
    names = unused_parameters(networks)
    if not names:
        return ""
    return f"Nothing trains {some(names)}: no loss depends on them, as for a layer that is never called."


def _short(value: float) -> str:
    text = f"{value:.3g}"
    return f"{text}.0" if re.fullmatch(r"-?\d+", text) else text
