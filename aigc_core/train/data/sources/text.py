"""Plain text, UTF-8: its lines are the texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable
from aigc_core.train.data.fields import field, only
from aigc_core.train.data.sources.found import Texts, located


def texts(source: Mapping[str, Any], folder: str | None, data: str) -> Texts:
    """Read ``{"file": NAME}``; without it, the user's path is the file.

    Joined by line feeds, the rows are the file's text again, with every kind of line end as a line feed. Raises
    ``NotAvailable`` where the file is missing or not UTF-8.
    """
    only(source, ["kind", "file"], "data.source")
    path = located(folder, field(source, "file", str, "data.source", ""), data)
    content = content_of(path)
    text = decoded(content, path).replace("\r\n", "\n").replace("\r", "\n")
    return Texts(text.split("\n"), hashlib.sha256(content).hexdigest())


def content_of(path: Path) -> bytes:
    """Return a file's bytes. Raises ``NotAvailable``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error


def decoded(content: bytes, path: Path) -> str:
    """Return the text of a file's bytes, without a byte order mark. Raises ``NotAvailable`` with the line."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"{path} is not UTF-8 text: line {line:,} has the byte 0x{content[error.start]:02x}."
        raise NotAvailable(text, f"Convert it: iconv -f latin1 -t utf-8 {path}") from error
