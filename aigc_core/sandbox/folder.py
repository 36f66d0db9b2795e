"""A private folder for one visit to the sandbox, which is gone afterwards whatever was left in it."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def private_folder(prefix: str = "aigc-judge-") -> Iterator[str]:
    """Make a folder that every user may enter, and remove it with all that is in it when the block ends."""
    folder = tempfile.mkdtemp(prefix=prefix)
    os.chmod(folder, 0o755)  # noqa: S103 - the sandbox's own user enters it; nothing in it is a secret
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: str) -> None:
    """Remove a folder that no process uses any more, with folders that are closed and those beyond any path's length.

    What cannot be removed, on a disk that is broken, stays. ``shutil.rmtree`` calls itself for each level, holds a
    handle for each, and leaves what is closed: a model would choose what remains of it.
    """
    with contextlib.suppress(OSError):
        above, name = os.path.split(folder)
        flat = tempfile.mkdtemp(prefix=f".{name}-", dir=above)
        os.rename(folder, f"{flat}/0")
        made, waiting = 1, [f"{flat}/0"]
        while waiting:
            here = waiting.pop()
            os.chmod(here, 0o700)
            for name in os.listdir(here):
                path = f"{here}/{name}"
                if stat.S_ISDIR(os.lstat(path).st_mode):
                    os.chmod(path, 0o700)  # to be moved a folder must be open itself
                    waiting.append(f"{flat}/{made}")
                    os.rename(path, waiting[-1])
                    made += 1
                else:
                    os.unlink(path)
            os.rmdir(here)
        os.rmdir(flat)
