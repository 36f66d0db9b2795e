"""A file that somebody names: whatever is there, it is read in bounds, or one sentence says why not."""

from __future__ import annotations

import os
import stat

from aigc_core.errors import WrongUse


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


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to, which would be waited for, too."""
    return os.open(path, flags | (os.O_NONBLOCK if os.name == "posix" else 0))
