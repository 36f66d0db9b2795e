"""Arrays of images as a model takes them: a batch at a time, checked against ``use.input``, in its range.

A model of one size computes ``BATCH`` rows at once, the last batch padded; one whose size follows the image's, or whose
images are ``LARGE``, computes one image at a time. So row *i* of what comes out depends on row *i* of what goes in and
on nothing beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aigc_core.errors import WrongUse
from aigc_core.interfaces.autoencoder import ANY
from aigc_core.run.batches import BATCH, LARGE
from aigc_core.run.model import Model
from aigc_core.run.pictures import in_range

if TYPE_CHECKING:
    import numpy as np

    Images = np.ndarray | Sequence[np.ndarray]


def is_free(model: Model) -> bool:
    """Say whether the size of what a model takes follows the image's."""
    latent = getattr(model.generator, "latent", None)
    return None in model.manifest.input.get("shape", ()) or (latent is not None and ANY in latent.shape)


def rows_at_once(model: Model) -> int:
    """Return how many rows a model computes at once."""
    shape = model.manifest.input.get("shape") or model.manifest.output["shape"]
    return 1 if is_free(model) or math.prod(shape) > LARGE else BATCH


def batches(model: Model, rows: Images) -> Iterator[np.ndarray]:
    """Yield rows of one shape as arrays. Raises ``WrongUse`` where those of a batch differ in shape."""
    import numpy as np

    size = rows_at_once(model)
    for first in range(0, len(rows), size):
        batch = rows[first : first + size]
        if len({np.shape(row) for row in batch}) > 1:
            raise WrongUse(f"The images have different shapes; {model.manifest.id} takes {_wanted(model)}.")
        yield np.stack([np.asarray(row) for row in batch])


def checked_values(model: Model, images: np.ndarray) -> np.ndarray:
    """Return images (n, c, h, w) in the range of ``use.input``. Raises ``WrongUse`` where they are none of those."""
    import numpy as np

    taken, name = model.manifest.input, model.manifest.id
    (low, high), multiple = taken["range"], taken["multiple"]
    channels, *sizes = taken["shape"]
    good = images.ndim == 4 and images.shape[1] == channels and images.size > 0
    for wanted, size in zip(sizes, images.shape[2:], strict=False):
        free = wanted is None and size % multiple == 0 and size < taken["largest"] + multiple
        good = good and (size == wanted or free)
    if not good:
        raise WrongUse(f"An image has the shape {list(images.shape[1:])}; {name} takes {_wanted(model)}.")
    if images.dtype == np.uint8:
        return in_range(images, taken["range"])
    if images.dtype != np.float32:
        raise WrongUse(f"The images are {images.dtype}; {name} takes uint8 levels, or float32 from {low} to {high}.")
    if not images.min() >= low or not images.max() <= high:  # so NaN fails too
        raise WrongUse(f"The images have values outside of {[low, high]}, or no numbers; {name} takes none of those.")
    return images


def black_image(model: Model) -> np.ndarray:
    """Return the smallest image that a model takes, black, alone in its batch: uint8 (1, c, h, w)."""
    import numpy as np

    sizes = [size or model.manifest.input["multiple"] for size in model.manifest.input["shape"]]
    return np.zeros((1, *sizes), np.uint8)


def _wanted(model: Model) -> str:
    taken = model.manifest.input
    if None not in taken["shape"]:
        return "{} x {} x {} (channels, height, width)".format(*taken["shape"])
    largest = -(-taken["largest"] // taken["multiple"]) * taken["multiple"]
    return f"{taken['shape'][0]} channels, and sides that are multiples of {taken['multiple']} up to {largest:,}"
