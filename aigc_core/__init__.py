"""The core of aigc-zoo: contracts, discovery, verified loading and the command line.

Importing this package imports nothing heavy; ``load`` brings in what one model needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aigc_core.run.model import Model

__version__ = "0.1.0"
API = 1
"""The plugin API that this core offers; it accepts ``API`` and ``API - 1``."""

__all__ = ["API", "__version__", "load"]


def load(
    name: str,
    device: str = "cpu",
    *,
    engine: str = "auto",
    dtype: str = "auto",
    threads: int = 0,
    locked: bool = False,
    accept_licence: bool = False,
) -> Model:
    """Find a model by name, fetch what is missing of it, verify every file and make it ready to sample.

    ``name`` is a model id, ``plugin:id`` where two plugins ship the same id, ``hf:ORG/NAME[@REVISION]`` for a
    repository on the Hugging Face Hub, or ``./FOLDER`` for one on disk. ``device`` is a torch device name. ``engine``,
    ``dtype`` and ``threads`` say what computes a model that more than one engine can compute; ``auto`` takes the
    fastest, and 0 as many threads as there are cores. With ``locked`` only what ``aigc-zoo.lock`` pins is used, and
    nothing is asked of the network. ``accept_licence`` uses weights from the Hub whose authors declare no licence.
    Raises ``aigc_core.errors.ZooError`` with what happened and what to do.
    """
    from aigc_core.run.load import load

    how: dict[str, Any] = {"engine": engine, "dtype": dtype, "threads": threads}
    return load(name, device, **how, locked=locked, accept_licence=accept_licence)
