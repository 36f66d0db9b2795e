"""Removing from the cache: what goes is settled first, down to the last path, and nothing of it lies outside.

Not by the client's ``delete_revisions``: for a link in a snapshot that leads out of the cache it deletes the file
there. Here a link is only ever itself removed, and what lies behind one is none of ours.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from aigc_core.errors import NotAvailable
from aigc_core.hub import cache
from aigc_core.hub.cached.contents import Blob, Contents, Repository, Unfinished, commit_of


class Removal(NamedTuple):
    """What goes, in this order, so that at no time a link leads to nothing."""

    first: tuple[str, ...]
    """Snapshots, and the records of them."""
    shared: tuple[Blob, ...]
    """Blobs that are links into the store that repositories share; the client keeps that store's books."""
    last: tuple[str, ...]
    """Blobs, or a repository's whole folder."""
    size: int
    """Bytes that this frees."""


def removal(contents: Contents, wanted: Iterable[tuple[Repository, str]], parts: Iterable[Unfinished] = ()) -> Removal:
    """Settle what goes: repositories, each at a commit or, where that is empty, as a whole; and unfinished downloads.

    A blob that another revision has stays. Raises ``NotAvailable`` where another program is fetching a repository.
    """
    commits: dict[str, set[str]] = {}
    for repository, commit in wanted:
        commits.setdefault(repository.repo_id, set()).add(commit)
    first: list[str] = []
    shared: list[Blob] = []
    last: list[str] = []
    for repository in contents.repositories:
        if gone := commits.get(repository.repo_id):
            if any(under_way(part) for part in repository.unfinished):
                text = f"{repository.repo_id} is being fetched by another program; nothing was removed."
                raise NotAvailable(text, "Wait until that has finished.")
            whole = "" in gone or gone.issuperset(_names(os.path.join(repository.folder, "snapshots")))
            blobs = repository.blobs if whole else _unneeded(repository, gone)
            first += [os.path.join(repository.folder, "snapshots")] if whole else _records(repository, gone)
            shared += [blob for blob in blobs if blob.path != blob.real]
            last += [repository.folder] if whole else [blob.path for blob in blobs if blob.path == blob.real]
    last += [part.path for part in parts if os.path.dirname(os.path.dirname(part.path)) not in last]
    first, last = _ours(first, contents), _ours(last, contents)
    alone = [path for path in first if os.path.dirname(path) not in last]
    size = sum(map(_size, [*alone, *last, *_freed(shared, contents)]))
    return Removal(tuple(first), tuple(shared), tuple(last), size)


def under_way(part: Unfinished) -> bool:
    """Say whether a program is writing it now, ours or the client: both hold the blob's lock for as long."""
    lock = cache.lock(part.repo_id, os.path.basename(part.path).partition(".")[0])
    if not os.path.exists(lock):
        return False
    from huggingface_hub.utils import WeakFileLock

    try:
        with WeakFileLock(lock, timeout=0.1):
            return False
    except TimeoutError:
        return True


def execute(plan: Removal, contents: Contents) -> None:
    """Remove it. Raises ``OSError``; what has gone by then is gone, and can be fetched again."""
    for path in plan.first:
        _delete(path)
    if plan.shared:
        from huggingface_hub import DeleteCacheStrategy

        none: frozenset[Path] = frozenset()
        links = frozenset(Path(blob.path) for blob in plan.shared)
        DeleteCacheStrategy(
            expected_freed_size=0, blobs=links, refs=none, repos=none, snapshots=none, cache_dir=Path(contents.folder)
        ).execute()
    for path in plan.last:
        _delete(path)


def _records(repository: Repository, gone: set[str]) -> list[str]:
    """Return the snapshots of some commits, the branches that are at them, and what the client notes of them."""
    inside = [("snapshots", "{}"), ("trees", "{}.json"), (".no_exist", "{}")]
    found = [os.path.join(repository.folder, kind, name.format(commit)) for commit in gone for kind, name in inside]
    for folder, _, names in os.walk(os.path.join(repository.folder, "refs")):
        found += [path for name in names if commit_of(path := os.path.join(folder, name)) in gone]
    return found


def _unneeded(repository: Repository, gone: set[str]) -> list[Blob]:
    """Return the blobs that some commits have and no other; none where another cannot be looked into."""
    snapshots = [os.path.join(repository.folder, "snapshots", commit) + os.sep for commit in gone]
    if any(problem.hides and not problem.path.startswith(tuple(snapshots)) for problem in repository.problems):
        return []
    theirs, others = set(), set()
    for revision in repository.revisions:
        reached = {path for file in revision.files for path in (file.target, file.real)}
        if revision.commit in gone:
            theirs |= reached
        else:
            others |= reached
    return [blob for blob in repository.blobs if blob.path in theirs - others]


def _freed(shared: list[Blob], contents: Contents) -> set[str]:
    """Return the shared payloads that nothing else in the cache is a link to."""
    going = {blob.path for blob in shared}
    kept = set()
    for name in _names(contents.folder) if shared else ():
        blobs = os.path.join(contents.folder, name, "blobs")
        kept |= {os.path.realpath(path) for each in _names(blobs) if (path := os.path.join(blobs, each)) not in going}
    return {blob.real for blob in shared} - kept


def _ours(paths: list[str], contents: Contents) -> list[str]:
    """Return those that are there and that no link leads to."""

    def is_ours(path: str) -> bool:
        folder = os.path.dirname(path)
        return (
            os.path.lexists(path) and os.path.realpath(folder) == folder and path.startswith(contents.folder + os.sep)
        )

    return [path for path in paths if is_ours(path)]


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)  # removes the links in it, follows none
    else:
        os.unlink(path)


def _size(path: str) -> int:
    """Return the bytes of a file or of all files in a folder; those behind links are not its own."""
    if not os.path.isdir(path) or os.path.islink(path):
        return os.lstat(path).st_size if not os.path.islink(path) else 0
    return sum(_size(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
