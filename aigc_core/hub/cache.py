"""Where files lie in the standard Hub cache, which other tools share. The client is not imported for that.

``models--OWNER--NAME/snapshots/COMMIT/PATH`` is a link to ``models--OWNER--NAME/blobs/ETAG``.
"""

from __future__ import annotations

import contextlib
import os

from aigc_core.errors import Refused

UNFINISHED = ".aigc-zoo.incomplete"
"""What the name of a blob ends in while we fetch it; the next pull goes on from there."""


def root() -> str:
    """Return the cache's folder, by the variables that the client reads; it may not exist yet."""
    found = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if not found:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
        found = os.path.join(os.environ.get("HF_HOME") or os.path.join(cache, "huggingface"), "hub")
    return os.path.abspath(os.path.expandvars(os.path.expanduser(found)))


def offline() -> bool:
    """Say whether the user wants no connection at all: ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE``."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in ("1", "ON", "YES", "TRUE")


def repo_folder(repo_id: str) -> str:
    """Return the folder of a repository: a model's by its id, a data set's by ``datasets/`` and its id."""
    return os.path.join(root(), _name(repo_id))


def snapshot(repo_id: str, revision: str) -> str:
    """Return the folder of a repository at a commit."""
    return os.path.join(repo_folder(repo_id), "snapshots", revision)


def path(repo_id: str, revision: str, name: str) -> str:
    """Return where a repository's file lies: a link to its blob."""
    return os.path.join(snapshot(repo_id, revision), *name.split("/"))


def blob(repo_id: str, etag: str) -> str:
    """Return where the bytes lie; ``etag`` is their sha256, or for a file that is not in LFS its git blob id."""
    return os.path.join(repo_folder(repo_id), "blobs", etag)


def lock(repo_id: str, etag: str) -> str:
    """Return the lock file that guards a blob; the client takes the same one."""
    return os.path.join(root(), ".locks", _name(repo_id), f"{etag}.lock")


def _name(repo_id: str) -> str:
    kind = "" if repo_id.startswith("datasets/") else "models/"
    return (kind + repo_id).replace("/", "--")


def inside(repo_id: str, name: str) -> bool:
    """Say whether a path, with its links followed, stays in the cache, or in the repository's folder if that moved."""
    homes = (os.path.realpath(root()), os.path.realpath(repo_folder(repo_id)))
    return os.path.realpath(name).startswith(tuple(home + os.sep for home in homes))


def check_place(repo_id: str, name: str) -> None:
    """Raise ``Refused`` where a file that is about to be written would lie outside the cache, through a link."""
    if not inside(repo_id, os.path.join(os.path.dirname(name), "x")):
        folder = os.path.dirname(name)
        raise Refused(f"{folder} is, or lies behind, a link that leaves the cache.", f"Remove it: rm {folder}")


def put(blob: str, name: str) -> None:
    """Let ``name`` be a link to a blob, or the file itself where the file system has no links."""
    os.makedirs(os.path.dirname(name), exist_ok=True)
    link = f"{name}.aigc-zoo.link"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(link)  # of a pull that was killed between the next two steps
    try:
        os.symlink(os.path.relpath(blob, os.path.dirname(name)), link)
    except (OSError, NotImplementedError):
        os.replace(blob, name)
    else:
        os.replace(link, name)
