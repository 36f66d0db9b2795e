"""What a generator returns: values in data space, with the range that they are declared to lie in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

NO_RANGE = (0.0, 0.0)
"""What texts have in the place of a range."""


class Samples(NamedTuple):
    """One batch of samples in data space. Row *i* depends on row *i* of the noise and on nothing else in the batch.

    An image batch has ``values`` of shape (n, channels, height, width), float32, with 1 or 3 channels. A text batch has
    ``values`` of shape (n,), of dtype object: each a ``str`` that can be written as UTF-8.
    """

    kind: str
    """The medium: ``image`` or ``text``."""
    values: np.ndarray
    """One sample a row."""
    range: tuple[float, float]
    """The values' lowest and highest possible value, such as (-1, 1) after tanh; (0, 0) of texts, which have none."""

    def levels(self) -> np.ndarray:
        """Return images as 8-bit levels: uint8 of the same shape, 0 at the range's low end and 255 at its high."""
        import numpy as np

        low, high = self.range
        return np.rint(np.clip((self.values - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)


def fault(samples: Any, count: int, declared: Mapping[str, Any]) -> str:
    """Return what keeps an object from being ``count`` samples as a manifest's output declares, or an empty string.

    A size that is declared null may be any from 1 up.
    """
    return (_text_fault if declared["kind"] == "text" else _array_fault)(samples, count, declared)


def _array_fault(samples: Any, count: int, declared: Mapping[str, Any]) -> str:
    import numpy as np

    values = samples.values if isinstance(samples, Samples) else None
    if not isinstance(values, np.ndarray) or values.dtype != np.float32:
        return "no Samples with a float32 array"
    if not _fits(values.shape, shape := (count, *declared["shape"])):
        return f"values of shape {list(values.shape)}, the manifest says {list(shape)}"
    if samples.kind != declared["kind"] or list(samples.range) != list(declared["range"]):
        return f"{samples.kind} in {samples.range}, the manifest says {declared['kind']} in {declared['range']}"
    if not values.min() >= declared["range"][0] or not values.max() <= declared["range"][1]:  # so NaN fails too
        return f"values outside of {declared['range']}, or no numbers"
    return ""


def _fits(shape: tuple[int, ...], declared: tuple[int | None, ...]) -> bool:
    if len(shape) != len(declared):
        return False
    return all(size == wanted or (wanted is None and size > 0) for size, wanted in zip(shape, declared, strict=True))


def _text_fault(samples: Any, count: int, declared: Mapping[str, Any]) -> str:
    import numpy as np

    values = samples.values if isinstance(samples, Samples) else None
    if not isinstance(values, np.ndarray) or values.dtype != np.dtype(object):
        return "no Samples with an array of texts"
    if values.shape != (count,):
        return f"values of shape {list(values.shape)}, of {count} texts it is {[count]}"
    if samples.kind != declared["kind"] or list(samples.range) != list(NO_RANGE):
        return f"{samples.kind} in {samples.range}, the manifest says text, which has the range {NO_RANGE}"
    if not all(isinstance(value, str) and _is_unicode(value) for value in values):
        return "values that are no text"
    return ""


def _is_unicode(text: str) -> bool:
    """Say whether a text can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
