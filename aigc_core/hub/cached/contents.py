"""What the standard Hub cache holds of models: revisions, blobs, unfinished downloads, and what is odd about them.

Not by the client's ``scan_cache_dir``: that leaves out a whole repository for one link to nothing, and raises for a
ref that is no text. Links are looked at, never walked through, so that nothing outside the cache is taken for its own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from aigc_core.errors import NotAvailable
from aigc_core.hub import cache

OTHERS = ("datasets--", "spaces--", "kernels--")
"""How the folders start that are no models; they are counted, and left alone."""


class CachedFile(NamedTuple):
    """One file of a revision."""

    path: str
    """Its path in the repository."""
    place: str
    """Where it lies: in the snapshot, nearly always a link."""
    target: str
    """What the link names, itself perhaps a link into the store that repositories share; else ``place``."""
    real: str
    """The file that has the bytes."""
    size: int


class Revision(NamedTuple):
    """One commit of a repository; perhaps not all of its files."""

    commit: str
    folder: str
    files: tuple[CachedFile, ...]

    @property
    def size(self) -> int:
        """Bytes on the disk, each blob once."""
        return sum({file.real: file.size for file in self.files}.values())


class Blob(NamedTuple):
    """One file below ``blobs``: bytes, or a link to bytes that repositories share."""

    path: str
    real: str
    size: int

    @property
    def name(self) -> str:
        """The etag: a sha256, or a git blob id."""
        return os.path.basename(self.path)


class Unfinished(NamedTuple):
    """A download that has stopped, or is under way."""

    repo_id: str
    path: str
    size: int

    @property
    def ours(self) -> bool:
        """Whether the next pull goes on from it; what the client leaves is of no use to anybody."""
        return self.path.endswith(cache.UNFINISHED)


class Problem(NamedTuple):
    """Something in a repository's folder that should not be so."""

    path: str
    text: str
    hides: bool = False
    """What lies below could not be seen."""


class Repository(NamedTuple):
    """One model repository's folder."""

    repo_id: str
    folder: str
    revisions: tuple[Revision, ...]
    blobs: tuple[Blob, ...]
    unfinished: tuple[Unfinished, ...]
    problems: tuple[Problem, ...]

    @property
    def repair(self) -> str:
        """The command that removes all of it."""
        return f"aigc-zoo cache remove hf:{self.repo_id}"


class Contents(NamedTuple):
    """The whole cache."""

    folder: str
    """Its real path, free of links."""
    repositories: tuple[Repository, ...]
    others: int
    """Repositories that are no models."""

    @property
    def size(self) -> int:
        """Bytes on the disk that are models', each blob once."""
        sizes: dict[str, int] = {}
        for repository in self.repositories:
            sizes |= {blob.real: blob.size for blob in repository.blobs}
            sizes |= {part.path: part.size for part in repository.unfinished}
            sizes |= {file.real: file.size for revision in repository.revisions for file in revision.files}
        return sum(sizes.values())


def scan() -> Contents:
    """Read the cache; one that does not exist is empty. Raises ``NotAvailable`` where it is no folder to be read."""
    folder = os.path.realpath(cache.root())
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        names = []
    except OSError as error:
        text = f"The cache {folder} cannot be read: {_reason(error)}."
        raise NotAvailable(text, "Check HF_HOME and HF_HUB_CACHE.") from error
    models = [_Reader(folder, name).read() for name in names if name.startswith("models--")]
    return Contents(folder, tuple(models), sum(name.startswith(OTHERS) for name in names))


def commit_of(ref: str) -> str:
    """Return the commit that a branch or tag was at when it was last asked for; empty where its file does not say."""
    try:
        if os.path.isfile(ref):  # to read a pipe would wait for ever
            with open(ref, encoding="ascii") as stream:
                return stream.read(100).strip()
    except (OSError, ValueError):
        pass
    return ""


class _Reader:
    """Reads one repository's folder."""

    def __init__(self, root: str, name: str) -> None:
        self.root, self.folder = root, os.path.join(root, name)
        self.repo_id = name.removeprefix("models--").replace("--", "/")
        self.problems: list[Problem] = []

    def read(self) -> Repository:
        revisions: list[Revision] = []
        blobs: list[Blob] = []
        for entry in self._folders(self.folder):
            if entry.name == "snapshots" and self._is_folder(entry):
                commits = [commit for commit in self._folders(entry.path) if self._is_folder(commit)]
                revisions = [Revision(each.name, each.path, tuple(self._files(each.path))) for each in commits]
            elif entry.name == "blobs" and self._is_folder(entry):
                blobs = list(self._blobs(entry.path))
        whole = tuple(blob for blob in blobs if not blob.path.endswith(".incomplete"))
        parts = tuple(Unfinished(self.repo_id, blob.path, blob.size) for blob in blobs if blob not in whole)
        return Repository(self.repo_id, self.folder, tuple(revisions), whole, parts, tuple(self.problems))

    def _folders(self, folder: str) -> list[os.DirEntry[str]]:
        """List a folder, unless it is a link."""
        if os.path.islink(folder):
            self._problem(folder, f"is a link to {os.readlink(folder)}, which is not looked into", True)
            return []
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._problem(folder, f"cannot be read: {_reason(error)}", True)
            return []

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_dir(follow_symlinks=False):
            return True
        link = entry.is_symlink()
        self._problem(entry.path, "is a link, which is not looked into" if link else "is no folder", link)
        return False

    def _files(self, folder: str) -> Iterator[CachedFile]:
        waiting = [folder]
        while waiting:
            for entry in self._folders(waiting.pop()):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif found := self._look(entry):
                    name = os.path.relpath(entry.path, folder).replace(os.sep, "/")
                    yield CachedFile(name, entry.path, *found)

    def _blobs(self, folder: str) -> Iterator[Blob]:
        for entry in self._folders(folder):
            if found := self._look(entry):
                yield Blob(entry.path, *found[1:])

    def _look(self, entry: os.DirEntry[str]) -> tuple[str, str, int] | None:
        """Return what a link names, the real file and its size; None, and a problem, where that is not the cache's."""
        target, real = entry.path, os.path.realpath(entry.path)
        try:
            if entry.is_symlink():
                target = os.path.normpath(os.path.join(os.path.dirname(target), os.readlink(target)))
            status = entry.stat()
        except FileNotFoundError:
            if os.path.islink(entry.path):  # else it has gone since it was listed
                self._problem(entry.path, "is a link to nothing")
            return None
        except OSError as error:
            self._problem(entry.path, f"cannot be read: {_reason(error)}")
            return None
        if not real.startswith(self.root + os.sep):
            self._problem(entry.path, f"is a link that leaves the cache, to {real}")
        elif not stat.S_ISREG(status.st_mode):
            self._problem(entry.path, "is neither a file nor a link to one")
        else:
            return target, real, status.st_size
        return None

    def _problem(self, path: str, text: str, hides: bool = False) -> None:
        self.problems.append(Problem(path, text, hides))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
