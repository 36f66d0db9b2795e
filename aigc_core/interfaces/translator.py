"""The contract of a model that turns one image into another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from aigc_core.interfaces.samples import Samples

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@runtime_checkable
class Translator(Protocol):
    """Translates images, each by itself: row *i* of what it returns depends on row *i* of what it is given alone.

    As a generator does, it leaves every global state, the grad mode and itself as they were.
    """

    engine: str
    """What computes, as of a generator."""
    dtype: str
    """What it computes in."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Translator:
        """Build and load the model, as ``Generator.open`` does."""
        ...

    def translate(self, images: np.ndarray, options: Mapping[str, Any]) -> Samples:
        """Return the images that images (n, c, h, w) become, float32, of the shape and in the range of ``use.input``.

        What comes out has the shape and the range of ``use.output``. ``options`` holds a value for every option of the
        manifest that was given or has a default, already checked against its schema.
        """
        ...
