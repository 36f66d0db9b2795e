"""Images that a plugin reads: ``"kind": "PLUGIN:NAME"``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse, ZooError
from aigc_core.train.data.fields import field, only
from aigc_core.train.data.sources.found import Images, located, numbered


def images(
    source: Mapping[str, Any], folder: str | None, data: str, component: Callable[[str], Callable[..., Any]]
) -> Images:
    """Call a plugin's reader with the user's folder, or with the ``file`` in it that the recipe names.

    It gives uint8 images (n, h, w) or (n, c, h, w), or such images and their labels.
    Raises ``NotAvailable`` where the folder does not hold what it reads, ``WrongUse`` where it gives something else.
    """
    only(source, ["kind", "file"], "data.source")
    kind = str(source["kind"])
    if folder is None:
        raise WrongUse(f"The data set {data} is read from a folder, and none was given.", "Name it with --data.")
    reader = component(kind)
    path = located(folder, field(source, "file", str, "data.source"), data) if "file" in source else Path(folder)
    try:
        found = reader(path)
    except (ZooError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise NotAvailable(f"There is no data set {data} in {folder}: {error.filename} is missing.") from error
    except Exception as error:  # whatever a reader meets in a file that is another
        cause = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise NotAvailable(f"{path} does not hold the data set {data}: {cause}.") from error
    pixels, labels = found if isinstance(found, tuple) else (found, None)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or 0 in pixels.shape:
        shown = f"{pixels.dtype} {list(pixels.shape)}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise WrongUse(f"{kind} gives {shown}; a source gives uint8 images (n, h, w) or (n, c, h, w).")
    pixels = np.require(pixels, requirements=["C", "W"])
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    if labels is None:
        return Images(pixels)
    values, classes = numbered(np.asarray(labels).tolist(), kind)
    if values.shape != (len(pixels),):
        raise WrongUse(f"{kind} gives {len(values):,} labels for {len(pixels):,} images.")
    return Images(pixels, values, classes)
