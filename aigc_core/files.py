"""Writing a file so that its name only ever holds a whole one."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import BinaryIO

from aigc_core.errors import NotAvailable, WrongUse

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` for writing and put it in place when the block ends without an exception.

    Raises ``WrongUse`` where the folder is missing or not writable and ``NotAvailable`` where the disk is full; an
    existing file is untouched in every such case, and nothing half-written is left.
    """
    path = os.path.realpath(path)  # through a link, not in its place
    part = os.path.join(os.path.dirname(path), f".{os.urandom(6).hex()}.part")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise WrongUse(f"Cannot write {path}: it is read-only.")
    try:
        with open(part, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except OSError as error:
        if error.errno in _FULL:
            hint = "Free some space, or write elsewhere."
            raise NotAvailable(f"No space left for {path}; nothing was written.", hint) from error
        if error.filename in (part, path):
            raise WrongUse(f"Cannot write {path}: {(error.strerror or str(error)).lower()}.") from error
        raise  # about something that the caller read, not what it wrote
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)
