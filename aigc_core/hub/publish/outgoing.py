"""One file on its way to the Hub: verified, and what was verified is what is sent."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import Refused
from aigc_core.hub.publish.listing import Listed, inside
from aigc_core.verified import sha256_of

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

AT_ONCE = 10_000_000
"""Tensors of at most so many bytes are read once and sent from memory. The Hub keeps larger files under their hash, and
compares."""


class Outgoing(NamedTuple):
    """One verified file."""

    path: str
    """In the repository."""
    real: str
    sha256: str
    data: bytes | None
    """Its bytes; None for large tensors, which are sent from ``real``."""

    def is_there(self, remote: Any) -> bool:
        """Say whether the repository has these bytes; ``remote`` is the client's ``RepoSibling`` of the path."""
        if remote.lfs:
            return bool(remote.lfs.sha256 == self.sha256)
        if self.data is None:
            return False
        git = hashlib.sha1(b"blob %d\0" % len(self.data) + self.data, usedforsecurity=False)
        return bool(remote.blob_id == git.hexdigest())

    def operation(self) -> CommitOperationAdd:
        """Return what the client is to do. Raises ``Refused`` where a large file has changed since it was verified."""
        from huggingface_hub import CommitOperationAdd

        operation = CommitOperationAdd(self.path, self.real if self.data is None else self.data)
        if operation.upload_info.sha256.hex() != self.sha256:
            raise Refused(f"{self.path} has changed since it was verified; it was not pushed.", "Try again.")
        return operation


def verified(folder: str, file: Listed) -> Outgoing:
    """Check a folder's file against its manifest, and that it is what its ending says. Raises ``Refused``."""
    real, data = inside(folder, file.path), None
    tensors = file.path.endswith(".safetensors")
    if tensors and os.path.getsize(real) > AT_ONCE:
        sha256 = sha256_of(real)
    else:
        with open(real, "rb") as stream:
            data = stream.read()
        sha256 = hashlib.sha256(data).hexdigest()
    if file.sha256 and sha256 != file.sha256:
        raise Refused(
            f"{file.path} has sha256 {sha256}, its manifest says {file.sha256}; nothing was pushed.",
            "Restore the file, or correct the manifest if the file is right.",
        )
    if reason := _no_tensors(real) if data is None or tensors else _no_text(file.path, data):
        raise Refused(f"{file.path} {reason}; nothing was pushed.", "Mend it, or take it out of the manifest.")
    return Outgoing(file.path, real, sha256, data)


def _no_tensors(path: str) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            return ""
    except SafetensorError:
        return "is no valid safetensors file"


def _no_text(path: str, data: bytes) -> str:
    try:
        text = data.decode()
        if path.endswith(".json"):
            json.loads(text)
    except (ValueError, RecursionError):
        return "is no valid JSON" if path.endswith(".json") else "is no text"
    return ""
