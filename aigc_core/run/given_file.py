"""A file that somebody names: whatever is there, it is read in bounds, or one sentence says why not."""

from __future__ import annotations

import math
import os
import stat
from io import BytesIO
from typing import TYPE_CHECKING

from aigc_core.errors import WrongUse

if TYPE_CHECKING:
    import numpy as np


def read_bytes(path: str, limit: int, hint: str = "") -> bytes:
    """Return what is in a file of at most ``limit`` bytes.

    Raises ``WrongUse`` for anything else: a folder, a pipe or device, what is missing, may not be read or is larger.
    ``hint`` says what to name instead of a folder.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise WrongUse(f"{path} is no file with something in it, but a pipe or a device.")
            data = file.read(limit + 1)
    except IsADirectoryError:
        raise WrongUse(f"{path} is a folder.", hint) from None
    except FileNotFoundError:
        raise WrongUse(f"{path} does not exist.") from None
    except (OSError, ValueError) as error:  # a null character in the name is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise WrongUse(f"{path} cannot be read: {reason.lower()}.") from error
    if len(data) > limit:
        raise WrongUse(f"{path} has more than {limit / 1e6:,.0f} MB, which is the most that is read here.")
    return data


def npy_values(data: bytes) -> np.ndarray:
    """Return the array of an ``.npy`` file's bytes, at least one axis; ``ValueError`` where it is none."""
    import numpy as np
    from numpy.lib import format as npy

    # Not numpy.load, which sets aside whatever memory a header asks for.
    stream = BytesIO(data)
    if (version := npy.read_magic(stream)) not in ((1, 0), (2, 0)):
        raise ValueError("it is of a later version of the format")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject or not shape or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError("its header does not fit what follows")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C")


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to, which would be waited for, too."""
    return os.open(path, flags | (os.O_NONBLOCK if os.name == "posix" else 0))
