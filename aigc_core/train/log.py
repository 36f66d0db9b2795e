"""``losses.jsonl``: the losses' means over windows of steps, equal to the bit however often the run was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable, Refused


class Log:
    """Lines of JSON, appended; a checkpoint remembers how long the file was, and a resumption cuts it there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = open(path, "ab", buffering=0)  # noqa: SIM115 (closed by close)

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line, at once. Raises ``NotAvailable`` where the disk is full."""
        try:
            self._stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            text = (
                f"{self.path} cannot be written: {(error.strerror or str(error)).lower()}; the checkpoints are whole."
            )
            raise NotAvailable(text, f"Mend that, then: aigc-zoo train --resume {self.path.parent}") from error

    def forced(self) -> int:
        """Force what was written to the disk and return the file's length."""
        os.fsync(self._stream.fileno())
        return os.fstat(self._stream.fileno()).st_size

    def cut(self, length: int) -> None:
        """Take back every line after a length. Raises ``Refused`` where the file is shorter than that."""
        size = os.fstat(self._stream.fileno()).st_size
        if size < length:
            text = f"{self.path} has {size} bytes, the checkpoint was made when it had {length}: lines were removed."
            raise Refused(text, "Put the file back, or start again with another --out.")
        os.truncate(self.path, length)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
