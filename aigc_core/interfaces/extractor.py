"""The contract of a feature extractor: what others' images are judged by, itself a model with a hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


class Features(NamedTuple):
    """What an extractor makes of a batch of images."""

    values: np.ndarray
    """Features, float32 (n, d)."""
    logits: np.ndarray | None = None
    """Of an extractor that is a classifier too: its logits, float32 (n, classes)."""


@runtime_checkable
class Extractor(Protocol):
    """Maps images to features. Row *i* of what it returns depends on row *i* of what it is given alone.

    As a generator does, it leaves every global state and itself as they were.
    """

    engine: str
    """What computes, as of a generator."""
    dtype: str
    """What it computes in."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Extractor:
        """Build and load the model, as ``Generator.open`` does."""
        ...

    def features(self, images: np.ndarray, options: Mapping[str, Any]) -> Features:
        """Return the features of images (n, c, h, w), float32, of the shape and in the range of ``use.input``."""
        ...
