"""Images from files or bytes that nobody vouches for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from aigc_core.train.data.sources.found import Broken

FORMATS = {
    "PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "WEBP": (".webp",), "BMP": (".bmp",), "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"), "PPM": (".ppm", ".pgm"),
}  # fmt: skip
"""What is decoded, and how such files are called. Pillow knows more, and some of that starts other programs."""
LARGEST = 1 << 26
"""Pixels: an image that says that it has more is not decoded, whatever its file's size."""
_EIGHT_BITS = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}


def decode(source: Path | bytes, mode: str, name: str) -> np.ndarray | Broken:
    """Return an image's first frame, uint8 (c, h, w), with one channel for mode ``L`` and three for ``RGB``.

    Transparency is dropped, and the picture is not turned by its EXIF data. Where anything is wrong, ``Broken`` says
    what.
    """
    from PIL import Image

    try:
        with Image.open(source if isinstance(source, Path) else BytesIO(source), formats=list(FORMATS)) as image:
            if image.width * image.height > LARGEST:
                return Broken(name, f"it has {image.width:,} x {image.height:,} pixels, more than {LARGEST:,}")
            if image.mode not in _EIGHT_BITS:
                return Broken(name, f"its pixels are {image.mode}, not 8 bits a channel")
            pixels = np.asarray(image.convert(mode))
    except Exception as error:  # Pillow raises whatever its parsers meet
        return Broken(name, " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__)
    return pixels[None] if mode == "L" else np.ascontiguousarray(pixels.transpose(2, 0, 1))


class Decoded:
    """Encoded images, by path or bytes, each decoded when it is asked for."""

    def __init__(self, encoded: Sequence[Path | bytes | None], mode: str, name: Callable[[int], str]) -> None:
        self.encoded, self.mode, self.name = encoded, mode, name

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> np.ndarray | Broken:
        source = self.encoded[index]
        name = self.name(index)
        return Broken(name, "there are no bytes") if source is None else decode(source, self.mode, name)

    def __iter__(self) -> Iterator[np.ndarray | Broken]:
        return (self[index] for index in range(len(self)))
