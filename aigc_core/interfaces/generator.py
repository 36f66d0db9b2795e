"""The contract of a generator: stored noise in, samples out, no hidden draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from aigc_core.interfaces.samples import Samples

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


class NoiseSpec(NamedTuple):
    """The noise that one sample takes; the core draws it, so that it can be stored and replayed."""

    shape: tuple[int, ...]
    """Shape of one sample's noise, without the batch axis."""
    distribution: Literal["normal", "uniform"]
    """``normal`` is N(0, 1); ``uniform`` is [0, 1)."""


@runtime_checkable
class Generator(Protocol):
    """Makes samples from noise.

    A generator never touches the global random state, the grad mode or a train flag, and changes nothing of its own:
    equal noise and options give equal samples at a fixed numeric environment and batch shape.
    """

    engine: str
    """What computes: ``torch`` for a plain PyTorch module."""
    dtype: str
    """What it computes in, such as ``float32``."""
    noise: Mapping[str, NoiseSpec]
    """Every noise input by name."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> Generator:
        """Build the generator that ``config`` describes and load its weights strictly, ready to sample.

        ``weights`` maps each file name of the manifest to a local file whose size and sha256 the core has verified.
        ``device`` is a torch device name, such as ``cpu`` or ``cuda:0``.
        """
        ...

    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Return one sample for each row of noise.

        Each array has shape (n, \\*spec.shape), float32. ``options`` holds a value for every option of the manifest
        that was given or has a default, already checked against its schema.
        """
        ...


@runtime_checkable
class Precisions(Protocol):
    """A generator class whose models are computed by one engine, in more than one type of number.

    Of more than one engine, see ``aigc_core.interfaces.language_model.Engines``.
    """

    dtypes: tuple[str, ...]
    """The types, such as ``("float32", "bfloat16")``; the first is what a model is computed in where nobody chooses."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str, dtype: str) -> Generator:
        """Open as ``Generator.open`` does, to compute in one of ``dtypes``. Samples are float32 whatever it is."""
        ...
