"""The hub: its repositories, its two servers, and what a test may ask of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import cards
from .faults import Faults
from .handler import Handler, Request
from .links import Links
from .server import Server
from .store import Blob, Data, Repo, load

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".npz", ".gguf", ".pkl")


class LoopbackHub:
    """A hub that serves between ``with`` and its end.

    ``url`` is the hub's and ``cdn`` its CDN's. ``repos`` is what it holds, and ``objects`` the large files by sha256.
    ``renames`` maps old repository ids to new ones; ``tokens`` maps a token to a user and the role ``write`` or
    ``read``. ``log`` has every request, and ``connections`` is how many were accepted by both servers.
    """

    def __init__(
        self, seed: str | Path | None = None, port: int = 0, page_size: int = 1000, lfs_min: int = 10_000_000
    ) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.objects: dict[str, Data] = {}
        self.renames: dict[str, str] = {}
        self.tokens = {"hf_test": ("me", "write")}
        self.log: list[Request] = []
        self.connections = 0
        self.page_size, self.lfs_min = page_size, lfs_min
        self.faults, self.links, self.lock = Faults(), Links(), threading.RLock()
        self._stopping = threading.Event()
        self._servers = [
            Server(number, type("SideHandler", (Handler,), {"hub": self, "side": side}), self._count)
            for side, number in (("hub", port), ("cdn", 0))
        ]
        # The CDN has another name, since client 1.x tells it from the hub by the host, and 2.x by host and port.
        ports = [server.server_address[1] for server in self._servers]
        self.url, self.cdn = f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}"
        if seed:
            self._plant(Path(seed))

    def __enter__(self) -> LoopbackHub:
        for server in self._servers:
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for server in self._servers:
            server.stop()

    def commit(
        self,
        repo_id: str,
        files: Mapping[str, bytes | str | Path],
        title: str = "add files",
        kind: str = "models",
        ref: str = "main",
        delete: Iterable[str] = (),
        **attributes: Any,
    ) -> str:
        """Commit files to a repository, which is made if it is not there, and return the commit's id.

        A path's file is read or, where it is large, mapped: it is not to be changed while the hub serves it.
        ``attributes`` are those of ``repo``.
        """
        with self.lock:
            blobs = {}
            for path, source in files.items():
                data = load(source)
                blobs[path] = Blob(data, self.is_lfs(path, len(data)))
            self.objects.update({blob.sha256: blob.data for blob in blobs.values() if blob.lfs})
            return self.repo(repo_id, kind, create=True, **attributes).commit(blobs, title, ref, delete)

    def repo(self, repo_id: str, kind: str = "models", create: bool = False, **attributes: Any) -> Repo:
        """Return a repository, with attributes set: ``private``, ``gated``, ``allowed``, ``downloads``, ``tags``."""
        with self.lock:
            if create and (kind, repo_id) not in self.repos:
                self.repos[kind, repo_id] = Repo(repo_id, kind)
            repo = self.repos[kind, repo_id]
            for name, value in attributes.items():
                if not hasattr(repo, name):
                    raise AttributeError(f"A repository has no {name}.")
                setattr(repo, name, value)
            return repo

    def fault(self, pattern: str, kind: str, times: float | None = None, arg: Any = None) -> None:
        """Let something go wrong at the next requests whose ``METHOD /path?query`` has the pattern; see ``KINDS``.

        It happens once, if no number of times is given; ``math.inf`` is for ever. Raises ``ValueError``.
        """
        self.faults.add(pattern, kind, times, arg)

    def requests(self, pattern: str = "") -> list[Request]:
        """Return the rows of the log whose ``METHOD /path?query`` has the pattern."""
        with self.lock:
            return [row for row in self.log if re.search(pattern, f"{row.method} {row.path}")]

    def check_card(self, text: str, kind: str = "model") -> dict[str, list[dict[str, str]]]:
        """Return the errors and warnings that ``/api/validate-yaml`` has for a card."""
        return cards.check(text, kind)

    def is_lfs(self, path: str, size: int) -> bool:
        """Say whether a file is kept under LFS."""
        return path.endswith(LFS_SUFFIXES) or size >= self.lfs_min

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the hub's end."""
        self._stopping.wait(seconds)

    def _count(self) -> None:
        with self.lock:
            self.connections += 1

    def _plant(self, seed: Path) -> None:
        for folder in sorted(path for path in seed.glob("*/*") if path.is_dir()):
            steps = [step for step in sorted(folder.iterdir()) if step.is_dir() and re.match(r"\d{3}-", step.name)]
            for step in steps or [folder]:
                files = {path.relative_to(step).as_posix(): path for path in sorted(step.rglob("*")) if path.is_file()}
                title = step.name[4:] if steps else "seed"
                self.commit(f"{folder.parent.name}/{folder.name}", files, title)
