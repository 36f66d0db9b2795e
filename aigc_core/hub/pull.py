"""A model's files from the Hub: verified where they are here already, fetched several at once where they are not."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from aigc_core import interrupt
from aigc_core.errors import NotAvailable, Refused, ZooError
from aigc_core.hub import cache
from aigc_core.manifest.model import WeightFile
from aigc_core.verified import verify

AT_ONCE = 4
"""Files fetched at the same time: enough to hide the wait for each one's first byte."""

Report = Callable[[str, int], None]
"""Hears a file's path and how many of its bytes are here."""


def silent(path: str, done: int) -> None:
    """Hear of progress and say nothing."""


def faults(repo_id: str, revision: str, files: Sequence[WeightFile]) -> dict[WeightFile, ZooError]:
    """Return the files that are not in the cache (``NotAvailable``) or not as they are pinned (``Refused``)."""
    found: dict[WeightFile, ZooError] = {}
    for file in files:
        if not file.pinned or not revision:
            raise unpinned(repo_id, file.path)
        path = cache.path(repo_id, revision, file.path)
        try:
            if os.path.exists(path) and not cache.inside(repo_id, path):
                raise Refused(f"{path} is a link that leaves the cache.", f"Remove it: rm {path}")
            verify(path, file.size, file.sha256)
        except ZooError as error:
            found[file] = error
    return found


def pull(
    repo_id: str, revision: str, files: Sequence[WeightFile], *, offline: bool = False, report: Report = silent
) -> dict[str, Path]:
    """Return a verified local file for each of a repository's files, fetching those that are missing or damaged.

    Nothing is asked of the network where all are here. Raises ``NotAvailable`` where one cannot be had, ``Refused``
    where its bytes are not those that are pinned.
    """
    if found := faults(repo_id, revision, files):
        if offline or cache.offline():
            raise _not_here(repo_id, found)
        fetch(repo_id, revision, list(found), report)
        for error in faults(repo_id, revision, list(found)).values():  # somebody else has been at them meanwhile
            raise error
    return {file.path: Path(os.path.realpath(cache.path(repo_id, revision, file.path))) for file in files}


def unpinned(name: str, path: str) -> Refused:
    """Return the error for a file that cannot be verified."""
    return Refused(f"{name} lists {path} without revision, size and sha256, so it cannot be verified.")


def _not_here(repo_id: str, found: dict[WeightFile, ZooError]) -> ZooError:
    for file, error in found.items():
        if isinstance(error, Refused):
            hint = "It was not loaded. Without HF_HUB_OFFLINE or --locked it is fetched again."
            return Refused(f"{file.path} of {repo_id} in the cache is damaged: {error}", hint)
    size = sum(file.size for file in found)
    names = ", ".join(file.path for file in list(found)[:3]) + (" ..." if len(found) > 3 else "")
    return NotAvailable(
        f"{repo_id} is not all in the cache ({names}; {size / 1e6:,.1f} MB), and nothing may be fetched.",
        "Pull it once without HF_HUB_OFFLINE or --locked.",
    )


def fetch(repo_id: str, revision: str, files: Sequence[WeightFile], report: Report = silent) -> None:
    """Fetch files into the cache, whatever is there. One whose sha256 is 40 digits is checked by its git blob id."""
    from aigc_core.hub.download import Wanted, download

    _check_room(files)
    jobs: queue.SimpleQueue[WeightFile] = queue.SimpleQueue()
    for file in sorted(files, key=lambda one: -one.size):  # the longest first, or it is waited for alone at the end
        jobs.put(file)
    stop, failed = threading.Event(), []

    def work() -> None:
        while not stop.is_set() and not jobs.empty():
            try:
                file = jobs.get_nowait()
                download(repo_id, revision, Wanted(file.path, file.size, file.sha256), report, stop)
            except queue.Empty:
                return
            except BaseException as error:
                failed.append(error)
                stop.set()

    # Daemons: Ctrl-C ends the program at once, whatever they wait for; what has come stays for the next time.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, len(files)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)
                interrupt.check()
    finally:
        stop.set()
    if failed:
        raise failed[0]


def _check_room(files: Sequence[WeightFile]) -> None:
    needed, folder = sum(file.size for file in files), cache.root()
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotAvailable(
            f"The cache {folder} cannot be made: {reason}.", "Set HF_HOME to a folder that can."
        ) from error
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise NotAvailable(
            f"{needed / 1e6:,.0f} MB are to be fetched, and {folder} has {free / 1e6:,.0f} MB free.",
            "See: aigc-zoo cache list; or set HF_HOME to a larger disk.",
        )
