"""Images to give to a model that takes some, and what it makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import WrongUse
from aigc_core.manifest.options import check
from aigc_core.run.model import Model

if TYPE_CHECKING:
    import numpy as np


def images(model: Model, count: int, seed: int = 0) -> np.ndarray:
    """Return images that a model takes, float32 (n, c, h, w) in its range: a wave for each seed and row."""
    import numpy as np

    taken = model.manifest.input
    low, high = taken["range"]
    c, h, w = (size or max(taken["multiple"], 16 // taken["multiple"] * taken["multiple"]) for size in taken["shape"])
    rows = []
    for row in range(count):
        random = np.random.default_rng([seed, row])
        x, y, angle = random.uniform(1, 4, (3, c, 1, 1))
        wave = np.sin(x * np.arange(w) * 6.28 / w + angle * 9) * np.cos(y * np.arange(h)[:, None] * 6.28 / h)
        rows.append((wave + 1) / 2)
    levels = np.rint(np.stack(rows) * 255) / 255
    if getattr(model.generator, "levels", 0) == 2:
        levels = (levels > 0.5).astype(np.float64)
    found: np.ndarray = np.clip(low + (high - low) * levels, low, high).astype(np.float32)
    return found


def needed(model: Model, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return options with which a model encodes: what it must be told, such as a class, is the first that it takes.

    Raises ``WrongUse`` where none of those tried is.
    """
    plain = dict(options or {})
    known = model.manifest.options.get("properties", {})
    tries: list[dict[str, Any]] = [{}]
    tries += [
        {name: value}
        for name, entry in known.items()
        if name not in plain
        for value in (entry.get("default"), entry.get("minimum"), *entry.get("enum", [])[:1])
        if value is not None
    ]
    last: WrongUse | None = None
    for more in tries:
        try:
            _first_use(model, plain | more)
        except WrongUse as error:
            last = last or error
            continue
        return plain | more
    assert last is not None
    raise last


def used(model: Model, options: Mapping[str, Any]) -> bytes:
    """Return what a model makes of two images, as bytes. Raises ``WrongUse`` where it cannot."""
    given = needed(model, options)
    return b"|".join(values.tobytes() for values in _use(model, images(model, 2), given))


def _first_use(model: Model, options: Mapping[str, Any]) -> None:
    """Bring one image to the model. Raises ``WrongUse`` where it must be told more."""
    if "translate" in model.manifest.capabilities:
        model.translate(images(model, 1), **options)
    elif {"encode", "reconstruct"} & {*model.manifest.capabilities}:
        from aigc_core.run import autoencode

        checked = check(dict(options), model.manifest.options, model.manifest.id)
        for _ in autoencode.encoded(model, images(model, 1), checked):
            pass


def _use(model: Model, given: np.ndarray, options: Mapping[str, Any]) -> list[np.ndarray]:
    able = {*model.manifest.capabilities}
    found = []
    if "translate" in able:
        found.append(model.translate(given, **options).values)
    if able & {"encode", "reconstruct"}:
        from aigc_core.run import autoencode

        checked = check(dict(options), model.manifest.options, model.manifest.id)
        latents = [part.values for part in autoencode.encoded(model, given, checked)]
        found += latents
        if able & {"decode", "reconstruct"}:
            found += [part.values for values in latents for part in autoencode.decoded(model, values, checked)]
    return found
