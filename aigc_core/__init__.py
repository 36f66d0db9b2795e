"""The core of aigc-zoo: contracts, discovery, verified loading and the command line.

Importing this package imports nothing heavy; ``load`` brings in what one model needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_core.run.model import Model

__version__ = "0.1.0"
API = 1
"""The plugin API that this core offers; it accepts ``API`` and ``API - 1``."""

__all__ = ["API", "__version__", "load"]


def load(name: str, device: str = "cpu") -> Model:
    """Find a model by name, verify its weights and make it ready to sample.

    ``name`` is a model id, or ``plugin:id`` where two plugins ship the same id. ``device`` is a torch device name.
    Raises ``aigc_core.errors.ZooError`` with what happened and what to do.
    """
    from aigc_core.run.load import load

    return load(name, device)
