"""The first samples of a model, to be looked at: one PNG of images, or some texts."""

from __future__ import annotations

import io
import math
from typing import NamedTuple

from aigc_core.interfaces.samples import Samples

_IMAGES, _TEXTS = 64, 4
_SIDE = 64
"""Pixels of an image's longer side: small ones are enlarged by a whole factor, large ones made smaller."""
_CHARACTERS = 600


class Sheet(NamedTuple):
    """Some samples."""

    png: bytes = b""
    texts: tuple[str, ...] = ()


def sheet_of(samples: Samples) -> Sheet:
    """Return images side by side in rows, a pixel of grey between them, or the first texts, cut."""
    if samples.kind == "text":
        return Sheet(texts=tuple(str(text)[:_CHARACTERS] for text in samples.values[:_TEXTS]))
    return Sheet(png=_png(samples))


def _png(samples: Samples) -> bytes:
    import numpy as np
    from PIL import Image

    some = samples._replace(values=samples.values[:_IMAGES]).levels()
    n, channels, height, width = some.shape
    columns = math.ceil(math.sqrt(n))
    grow = max(1, _SIDE // max(height, width))
    shrink = max(1, math.ceil(max(height, width) / (2 * _SIDE)))
    some = some[:, :, ::shrink, ::shrink].repeat(grow, 2).repeat(grow, 3)
    height, width = some.shape[2:]
    whole = np.full((-(-n // columns) * (height + 1) - 1, columns * (width + 1) - 1, channels), 128, np.uint8)
    for number, image in enumerate(some):
        row, column = divmod(number, columns)
        top, left = row * (height + 1), column * (width + 1)
        whole[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    stream = io.BytesIO()
    Image.fromarray(whole[:, :, 0] if channels == 1 else whole).save(stream, "PNG", optimize=True)
    return stream.getvalue()
