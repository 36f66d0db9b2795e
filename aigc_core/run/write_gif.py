"""An animated GIF, a frame at a time: however many there are, one is in memory.

PIL's own writer of animations keeps every frame until the last has come; here it encodes each by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from aigc_core.errors import WrongUse
from aigc_core.run import receipt as receipts

if TYPE_CHECKING:
    import numpy as np

SIDE = 65_535
"""The longest side that the format can state."""
MILLISECONDS = 120
"""How long a frame is shown: 12 of the format's hundredths of a second."""
_COLOURS = 256


def write_gif(stream: BinaryIO, frames: Iterator[np.ndarray], receipt: dict[str, Any] | None = None) -> int:
    """Write frames, uint8 (h, w, 1 or 3) of one size, as an animation that begins again for ever; return their number.

    Greys are kept as they are; of a colour frame, the 256 colours that fit it best (median cut). The receipt goes into
    a comment. Equal frames give equal bytes. Raises ``WrongUse`` for frames that the format cannot hold, or of two
    sizes.
    """
    from PIL import GifImagePlugin, Image

    count, size = 0, (0, 0)
    for pixels in frames:
        height, width = pixels.shape[:2]
        if not count:
            size = (width, height)
            stream.write(_head(size, receipt))
        if (width, height) != size:
            raise WrongUse(
                f"A frame has {width} x {height} pixels, the first {size[0]} x {size[1]}: a GIF has one size."
            )
        grey = pixels.shape[2] == 1
        image = Image.fromarray(pixels[:, :, 0] if grey else pixels)
        encoded = image if grey else image.quantize(_COLOURS)
        # Its palette goes with each frame: there is none of all frames, which are not known yet.
        for block in GifImagePlugin.getdata(encoded, duration=MILLISECONDS, include_color_table=True):
            stream.write(block)
        count += 1
    stream.write(b";")
    return count


def _head(size: tuple[int, int], receipt: dict[str, Any] | None) -> bytes:
    """Return what stands before the first frame: size, endless repetition, comment (GIF89a, 18, 24 and 26)."""
    if max(size) > SIDE:
        raise WrongUse(f"A GIF of {size[0]} x {size[1]} pixels cannot be: a side has at most {SIDE:,}.")
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x70, 0, 0)
    head += b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    if receipt is not None:
        text = f"{receipts.KEY}{receipts.dumps(receipt)}".encode()
        blocks = [text[first : first + 255] for first in range(0, len(text), 255)]
        head += b"!\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\x00"
    return head
