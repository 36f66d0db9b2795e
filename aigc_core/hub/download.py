"""One file from the Hub into the cache: resumed where an earlier try stopped, read back, and placed when right."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from aigc_core.errors import ZooError
from aigc_core.hub import cache, client
from aigc_core.verified import known_sha256, remember, sha256_of

CHUNK = 1 << 20
"""Bytes that are written at once."""


class Wanted(NamedTuple):
    """One file of a repository, and what its bytes must be."""

    path: str
    size: int
    digest: str
    """64 hexadecimal digits are a sha256; 40 are a git blob id, all that the Hub says of a file that is not in LFS."""


class Stopped(ZooError):
    """Another file has failed, or the user has had enough: what has come is kept."""


Report = Callable[[str, int], None]
"""Hears a file's path and how many of its bytes are here."""


def download(repo_id: str, revision: str, file: Wanted, report: Report, stop: threading.Event) -> str:
    """Bring one file into the cache and return its path there, or leave what has come for the next try.

    One process at a time fetches a blob; whoever waited finds it there. Raises ``NotAvailable`` where the Hub does not
    give it, ``Refused`` where it gives other bytes twice, ``Stopped``.
    """
    what = f"{file.path} of {repo_id}"
    head = client.retrying(lambda: client.head(repo_id, revision, file.path), what)
    if head.size not in (None, file.size):
        raise client.wrong_bytes(what, f"the Hub says {head.size:,} bytes, the pin {file.size:,}")
    if len(head.etag) == len(file.digest) and head.etag != file.digest:
        raise client.wrong_bytes(what, f"the Hub says {head.etag}, the pin {file.digest}")
    etag = head.etag if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", head.etag) else file.digest  # a file's name
    blob, target = cache.blob(repo_id, etag), cache.path(repo_id, revision, file.path)
    part = blob + cache.UNFINISHED
    for place in (blob, target, cache.lock(repo_id, etag)):
        cache.check_place(repo_id, place)
    os.makedirs(os.path.dirname(blob), exist_ok=True)
    with _alone(cache.lock(repo_id, etag), stop, lambda: report(file.path, _size(part))):
        if not _is_right(repo_id, blob, file):
            _fill(part, file, _asker(repo_id, revision, file, head), what, report, stop)
            if etag != file.digest and _digest(part, len(etag), file.size) != etag:
                blob = cache.blob(repo_id, file.digest)  # the Hub gave the id of other bytes, perhaps another file's
            os.replace(part, blob)
        cache.put(blob, target)
        if len(file.digest) == 64:
            remember(target, file.digest)
    report(file.path, file.size)
    return target


def _asker(repo_id: str, revision: str, file: Wanted, head: client.Head) -> Callable[[int], Any]:
    """Return what opens the file at a byte; its link is used once, for it may have run out by the next time."""
    links = [head.location]

    def ask(start: int) -> Any:
        location = links.pop() if links else client.head(repo_id, revision, file.path).location
        return client.stream(location, start)

    return ask


def _fill(part: str, file: Wanted, ask: Callable[[int], Any], what: str, report: Report, stop: threading.Event) -> None:
    """Complete a part-written file. One whose bytes come out wrong is fetched once more from its start."""
    if os.path.islink(part):  # to write would be to write elsewhere
        os.unlink(part)
    for _ in range(3 if _size(part) else 2):  # what an earlier try left has its own chance to be wrong
        with open(part, "ab") as stream:
            incoming = _Incoming(stream, file, report, stop)
            client.retrying(partial(incoming.go_on, ask), what, lambda: incoming.have)  # noqa: B023 (called at once)
        digest = _digest(part, len(file.digest), file.size)  # read back: what counts is what lies there
        if digest == file.digest and _size(part) == file.size:
            return
        os.unlink(part)
    raise client.wrong_bytes(what, f"its bytes have {digest}, the pin says {file.digest}")


class _Incoming:
    """A file that is being written."""

    def __init__(self, stream: BinaryIO, file: Wanted, report: Report, stop: threading.Event) -> None:
        self.stream, self.file, self.report, self.stop = stream, file, report, stop
        self.have = stream.seek(0, os.SEEK_END)  # from an earlier try
        if self.have > file.size:
            self._restart()

    def go_on(self, ask: Callable[[int], Any]) -> None:
        """Fetch what is missing. Raises ``BadAnswer`` where too little or too much comes, ``Stopped``."""
        if self.have == self.file.size:
            return
        with ask(self.have) as (start, pieces):
            if start != self.have:  # the server does not resume
                self._restart()
            held = bytearray()
            try:
                for piece in pieces:
                    held += piece
                    if len(held) >= CHUNK:
                        chunk, held = held, bytearray()
                        self._take(chunk)
            finally:
                self._take(held)  # also where the connection has broken: the next try goes on from here
        if self.have < self.file.size:
            raise client.BadAnswer(f"{self.have:,} of {self.file.size:,} bytes came")

    def _take(self, chunk: bytearray) -> None:
        if self.stop.is_set():
            raise Stopped("another file of the model failed")
        if self.have + len(chunk) > self.file.size:
            self._restart()
            raise client.BadAnswer(f"more than {self.file.size:,} bytes came")
        self.stream.write(chunk)
        self.have += len(chunk)
        self.report(self.file.path, self.have)

    def _restart(self) -> None:
        self.stream.truncate(0)
        self.have = 0


def _digest(path: str, digits: int, size: int) -> str:
    """Return a file's sha256 for 64 digits, its git blob id for 40. Raises ``OSError``."""
    if digits == 64:
        return sha256_of(path)
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)  # git's own id, not our choice
    with open(path, "rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _is_right(repo_id: str, blob: str, file: Wanted) -> bool:
    if os.path.islink(blob) and not cache.inside(repo_id, blob):  # its bytes are somebody else's to change
        return False
    try:
        if os.path.getsize(blob) != file.size:
            return False
        if len(file.digest) == 64:
            return known_sha256(blob) == file.digest
        return _digest(blob, 40, file.size) == file.digest
    except OSError:
        return False


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


@contextmanager
def _alone(path: str, stop: threading.Event, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file. The system frees it when its holder dies, so none is ever stale."""
    from huggingface_hub.utils import WeakFileLock

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with ExitStack() as held:
        while True:
            if stop.is_set():
                raise Stopped("another file of the model failed")
            try:
                held.enter_context(WeakFileLock(path, timeout=0.5))
                break
            except TimeoutError:
                waiting()
        yield
