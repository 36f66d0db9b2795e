"""What latents are right: by the shape, the type and the values that a model's ``LatentSpec`` declares."""

from __future__ import annotations

from typing import Any

from aigc_core.interfaces.autoencoder import ANY


def fault(latents: Any, shape: tuple[int, ...], codes: int) -> str:
    """Return what keeps an object from being latents of a shape, its batch axis included, or an empty string."""
    import numpy as np

    kind = np.dtype(np.int64 if codes else np.float32)
    if not isinstance(latents, np.ndarray) or latents.dtype != kind:
        return f"latents that are {getattr(latents, 'dtype', type(latents).__name__)}, not {kind}"
    if len(latents.shape) != len(shape) or not all(map(_fits, latents.shape, shape)):
        return f"latents of shape {list(latents.shape)}, not {shown(shape)}"
    if codes and (latents.min() < 0 or latents.max() >= codes):
        return f"codes outside of 0 to {codes - 1}"
    if not codes and not np.isfinite(latents).all():
        return "latents that are no finite numbers"
    return ""


def shown(shape: tuple[int, ...]) -> str:
    """Return a shape in a sentence; a size that follows the image's is ``any``."""
    return f"[{', '.join('any' if size == ANY else str(size) for size in shape)}]"


def _fits(size: int, wanted: int) -> bool:
    return size == wanted or (wanted == ANY and size > 0)
