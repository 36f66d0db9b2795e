"""Files of images, from whoever gives them, brought to what a model takes (``use.input``), and the way back.

One rule for every model. The picture is turned as its EXIF data say, transparency is put on white, 16 bits become their
upper 8, CMYK and palettes become RGB, and RGB becomes grey by ITU-R 601's luma where the model has one channel. Then,
of a model of one size, a larger picture is scaled down to lie inside, with its proportions kept (bicubic, antialiased),
and put in the middle of black. Of a model whose size follows the picture's, its longest side is scaled down to
``largest``, and its last column and row are repeated to a multiple of ``multiple``. Nothing is ever stretched or scaled
up, and what was padded is cut off again.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import WrongUse
from aigc_core.run.given_file import read_bytes

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image as Pillow

FILE_BYTES = 100_000_000
PIXELS = 50_000_000
"""An image with more is not decoded, whatever its file's size."""
AT_ONCE = 64_000_000
"""So many pixels of all images together, as they come to the model, are held in memory."""
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""What is decoded. Pillow knows more, and some of that starts other programs."""
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270",
          7: "TRANSVERSE", 8: "ROTATE_90"}  # fmt: skip
"""EXIF's orientations, as what makes them upright."""
_ORIENTATION = 0x0112


class Place(NamedTuple):
    """Where in what a model takes, or makes, the picture lies."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, values: np.ndarray) -> np.ndarray:
        """Return the picture out of images (..., height, width)."""
        return values[..., self.top : self.top + self.height, self.left : self.left + self.width]


def around(one: Place, other: Place) -> Place:
    """Return the smallest place that holds two."""
    top, left = min(one.top, other.top), min(one.left, other.left)
    below = max(place.top + place.height for place in (one, other))
    right = max(place.left + place.width for place in (one, other))
    return Place(top, left, below - top, right - left)


class Picture(NamedTuple):
    """One file, brought to what a model takes."""

    name: str
    """The file's name, without its folders."""
    sha256: str
    """Of the file."""
    size: tuple[int, int]
    """Height and width of the upright picture in the file."""
    place: Place
    levels: np.ndarray
    """uint8 (c, h, w), as ``Model.encode`` takes it."""

    @property
    def seen(self) -> np.ndarray:
        """What the model sees of the picture, without what was padded: uint8 (c, height, width)."""
        return self.place.cut(self.levels)

    @property
    def facts(self) -> dict[str, Any]:
        """What a receipt says of it."""
        return {"name": self.name, "sha256": self.sha256, "place": [*self.place]}

    @property
    def scaled(self) -> str:
        """What was done to its size, in a few words; an empty string where it is as it was."""
        height, width = self.place.height, self.place.width
        return f"scaled to {width} x {height}" if (height, width) != self.size else ""


def read(path: str, declared: Mapping[str, Any]) -> Picture:
    """Read an image and bring it to ``use.input`` of a manifest (``ModelManifest.input``).

    Raises ``WrongUse`` where the file is no still image, or larger than ``FILE_BYTES`` or ``PIXELS``.
    """
    import numpy as np

    data = read_bytes(path, FILE_BYTES, f"Name its images: {path.rstrip('/')}/*.png")
    channels, *inside = declared["shape"]
    pixels = _opened(path, data, "L" if channels == 1 else "RGB")
    size = (pixels.height, pixels.width)
    height, width = _scaled(size, inside, declared["largest"])
    if (height, width) != size:
        from PIL import Image

        pixels = pixels.resize((width, height), Image.Resampling.BICUBIC)
    levels = np.asarray(pixels).reshape(height, width, channels).transpose(2, 0, 1)
    place, levels = _padded(levels, inside, declared["multiple"])
    return Picture(os.path.basename(path), hashlib.sha256(data).hexdigest(), size, place, levels)


def read_all(paths: Sequence[str], declared: Mapping[str, Any]) -> list[Picture]:
    """Read images one after another. Raises as ``read`` does, and where they are more than ``AT_ONCE`` pixels."""
    found: list[Picture] = []
    pixels = 0
    for path in paths:
        found.append(read(path, declared))
        pixels += found[-1].levels[0].size
        if pixels > AT_ONCE:
            raise WrongUse(
                f"These are more than {AT_ONCE:,} pixels at once, from {path} on.", "Give fewer images at once."
            )
    return found


def in_range(levels: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Return uint8 levels as float32 between two bounds, which 0 and 255 become; as training does, to the bit."""
    import numpy as np

    low, high = bounds
    values: np.ndarray = levels.astype(np.float32) / np.float32(255 / (high - low)) + np.float32(low)
    return values


def _scaled(size: tuple[int, int], inside: list[int | None], largest: int) -> tuple[int, int]:
    """Return height and width of a picture that lies inside the shape, as large as can be, never larger than it is."""
    factor = min(1.0, *((most or largest) / side for most, side in zip(inside, size, strict=True)))
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


def _padded(levels: np.ndarray, inside: list[int | None], multiple: int) -> tuple[Place, np.ndarray]:
    import numpy as np

    height, width = levels.shape[1:]
    if None in inside:
        edges = [(0, 0), (0, -height % multiple), (0, -width % multiple)]
        return Place(0, 0, height, width), np.pad(levels, edges, mode="edge")
    down, across = ((most or side) - side for most, side in zip(inside, (height, width), strict=True))
    place = Place(down // 2, across // 2, height, width)
    edges = [(0, 0), (place.top, down - place.top), (place.left, across - place.left)]
    return place, np.pad(levels, edges)


def _opened(path: str, data: bytes, mode: str) -> Pillow:
    """Decode an image, upright, in a mode of 8 bits. Raises ``WrongUse`` where that cannot be."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow thinks of others' metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image: Pillow = Image.open(BytesIO(data), formats=FORMATS)
            _check(path, image)
            return _flat(_upright(image, _eight_bits(path, image)), mode)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise WrongUse(f"{path} has more than {PIXELS:,} pixels, which is the most that is decoded here.") from None
        except UnidentifiedImageError:
            kinds = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
            raise WrongUse(f"{path} is no image with pixels.", f"It takes a {kinds}.") from None
        except (WrongUse, MemoryError):
            raise
        except Exception as error:  # Pillow raises whatever its parsers meet
            reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
            raise WrongUse(f"{path} cannot be decoded: {reason}.") from error


def _check(path: str, image: Pillow) -> None:
    if image.width * image.height > PIXELS:
        text = f"{path} has {image.width:,} x {image.height:,} pixels; more than {PIXELS:,} are not decoded here."
        raise WrongUse(text)
    # A JPEG of two pictures is a telephone's photo with a small copy or a map of depths.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise WrongUse(f"{path} has more than one picture: save the one that you mean as a file of its own.")


def _eight_bits(path: str, image: Pillow) -> Pillow:
    from PIL import Image

    if image.mode in _SIXTEEN_BITS or (image.mode == "I" and image.format in ("PNG", "PPM")):
        import numpy as np

        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise WrongUse(f"{path} has 32 bits a pixel: save it with 8 or 16 bits a channel.")
    return image


def _upright(file: Pillow, image: Pillow) -> Pillow:
    from PIL import Image

    image.load()  # only then has a PNG all its metadata
    try:
        turn = _TURNS.get(file.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata do not spoil a picture
        turn = None
    return image.transpose(Image.Transpose[turn]) if turn else image


def _flat(image: Pillow, mode: str) -> Pillow:
    from PIL import Image

    if image.has_transparency_data:
        white = Image.new("RGB", image.size, "white")
        seen = image if image.mode == "RGBA" else image.convert("RGBA")
        white.paste(seen, mask=seen)
        image = white
    for wanted in ("RGB", mode):
        if image.mode not in (wanted, mode):  # a conversion to the same mode is a copy
            image = image.convert(wanted)
    return image
