"""The form of an output that is compared: what comes from a file or a sandbox may be any arrays at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_WHOLE = "iu"
_FORMS = {
    "images": {"images": (4, "f")},
    "text": {"text": (1, _WHOLE)},
    "tokens": {
        **dict.fromkeys(("tokens", "text", "scored_tokens"), (1, _WHOLE)),
        **dict.fromkeys(("logprobs", "scored"), (1, "f")),
    },
}
"""By the name of an array that tells one from the others: each array's dimensions, and numpy's kinds of its type."""


def misfit(found: Mapping[str, np.ndarray]) -> str:
    """Return why arrays are no output of a model, as ``made`` describes them; an empty string where they are."""
    form = next((form for name, form in _FORMS.items() if found.keys() == form.keys()), None)
    if form is None:
        return f"it has {', '.join(sorted(found)) or 'nothing'}"
    for name, (dimensions, kinds) in form.items():
        if found[name].ndim != dimensions or found[name].dtype.kind not in kinds:
            return f"{name} is {found[name].dtype} of shape {list(found[name].shape)}"
    if "images" in found and not found["images"].size:
        return "it has no values"
    if "tokens" in found:
        unscored = len(found["scored_tokens"]) - len(found["scored"])
        if len(found["tokens"]) != len(found["logprobs"]) or unscored not in (0, 1):
            return "it has not one number for each token"
    return ""


def number(value: Any) -> float | None:
    """Return a number as JSON can hold it; None for one that is none."""
    from math import isfinite

    return float(value) if isfinite(value) else None
