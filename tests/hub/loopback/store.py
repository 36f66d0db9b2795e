"""Repositories with real git ids."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

EPOCH = 1_700_000_000
# What is smaller is read, so that a test may change its folder while it is served.
MAPPED_FROM = 16 * 2**20

Data = bytes | bytearray | mmap.mmap


def load(source: bytes | str | Path) -> Data:
    """Return what a file holds: bytes and text as they are, a path's file read or, where it is large, mapped."""
    if isinstance(source, str):
        return source.encode()
    if not isinstance(source, Path):
        return source
    if source.stat().st_size < MAPPED_FROM:
        return source.read_bytes()
    with source.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def git_id(kind: str, data: Data) -> str:
    """Return the id that git gives an object."""
    digest = hashlib.sha1(f"{kind} {len(data)}\0".encode())
    digest.update(data)
    return digest.hexdigest()


def iso(seconds: int) -> str:
    """Write a time as the Hub does."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Blob:
    """One version of a file; git holds a pointer to it where it is under LFS."""

    def __init__(self, data: Data, lfs: bool) -> None:
        self.data, self.lfs, self.size = data, lfs, len(data)
        self.sha256 = hashlib.sha256(data).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()
        self.oid, self.pointer_size = git_id("blob", pointer if lfs else data), len(pointer)
        self.etag = self.sha256 if lfs else self.oid

    @property
    def lfs_info(self) -> dict[str, Any]:
        return {"size": self.size, "pointerSize": self.pointer_size}


Tree = dict[str, Blob]


def tree_id(tree: Tree) -> str:
    """Return the id that git gives a folder; its entries are sorted as if a folder's name ended in a slash."""
    entries: list[tuple[str, bytes]] = []
    folders: dict[str, Tree] = {}
    for path, blob in tree.items():
        head, _, rest = path.partition("/")
        if rest:
            folders.setdefault(head, {})[rest] = blob
        else:
            entries.append((head, b"100644 " + head.encode() + b"\0" + bytes.fromhex(blob.oid)))
    for head, below in folders.items():
        entries.append((head + "/", b"40000 " + head.encode() + b"\0" + bytes.fromhex(tree_id(below))))
    return git_id("tree", b"".join(entry for _, entry in sorted(entries)))


class Commit(NamedTuple):
    """One commit: everything that is there, and what came before."""

    tree: Tree
    title: str
    date: int
    parent: str | None


class Repo:
    """One repository: its commits by id, its branches and tags, and who may see it."""

    def __init__(self, repo_id: str, kind: str) -> None:
        self.id, self.kind, self.owner = repo_id, kind, repo_id.split("/")[0]
        self.private: bool = False
        self.gated: bool | str = False
        self.allowed: set[str] = set()
        self.downloads = self.likes = 0
        self.refs: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.commits: dict[str, Commit] = {}
        self.commit({}, "initial commit")

    def commit(self, files: Mapping[str, Blob], title: str, ref: str = "main", delete: Iterable[str] = ()) -> str:
        """Add a commit to a branch, and return its id."""
        parent = self.refs.get(ref) or self.refs.get("main")
        tree = dict(self.commits[parent].tree) if parent else {}
        for path in delete:
            below = path.rstrip("/") + "/"
            tree = {name: blob for name, blob in tree.items() if name != path and not name.startswith(below)}
        tree.update(files)
        date = EPOCH + 60 * len(self.commits)
        who = f"hub <hub@loopback> {date} +0000"
        before = f"parent {parent}\n" if parent else ""
        text = f"tree {tree_id(tree)}\n{before}author {who}\ncommitter {who}\n\n{title}\n"
        revision = git_id("commit", text.encode())
        self.commits[revision] = Commit(tree, title, date, parent)
        self.refs[ref] = revision
        return revision

    def resolve(self, name: str) -> str | None:
        """Return the commit that a branch, a tag or a full id stands for."""
        revision = {**self.tags, **self.refs}.get(name.removeprefix("refs/heads/"), name)
        return revision if revision in self.commits else None
