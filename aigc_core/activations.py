"""What is known of failed activations, so that a listing can show them without importing anything.

A record holds for one distribution, version and state of the plugin's files; a repair of any of them clears it.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from aigc_core.files import whole_file
from aigc_core.paths import home


def _path() -> str:
    return os.path.join(home("state"), "activations.json")


def _records() -> dict[str, Any]:
    try:
        with open(_path(), encoding="utf-8") as stream:
            records = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}  # a record is only a memory: a damaged one costs a row its reason until the next attempt
    return records if isinstance(records, dict) else {}


def stamp(package: str) -> str:
    """Return a fingerprint of a package folder's Python and JSON files: count, newest mtime in ns, bytes in all."""
    count = newest = size = 0
    for folder, _, names in os.walk(package):
        for name in names:
            if name.endswith((".py", ".json")):
                with contextlib.suppress(OSError):
                    status = os.stat(os.path.join(folder, name))
                    count, newest, size = count + 1, max(newest, status.st_mtime_ns), size + status.st_size
    return f"{count}-{newest}-{size}"


class Failures:
    """The recorded failures, read once."""

    def __init__(self) -> None:
        self._records = _records()

    def reason(self, key: str, version: str, package: str) -> str:
        """Return why the last activation failed, or an empty string where nothing is known against the plugin."""
        record = self._records.get(key)
        if not isinstance(record, dict) or record.get("version") != version or record.get("stamp") != stamp(package):
            return ""
        return str(record.get("reason", ""))


def remember(key: str, version: str, package: str, reason: str) -> None:
    """Record a failed activation, or with an empty ``reason`` forget one. A folder without write access is no error."""
    records = _records()
    if not reason and key not in records:
        return
    records.pop(key, None)
    if reason:
        records[key] = {"version": version, "stamp": stamp(package), "reason": reason}
    with contextlib.suppress(Exception):
        os.makedirs(os.path.dirname(_path()), exist_ok=True)
        with whole_file(_path()) as stream:
            stream.write(json.dumps(records, indent=2).encode())
