"""What was measured before, by content: model, metric, data, code and numeric environment; so a rerun resumes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from aigc_core.errors import ZooError
from aigc_core.files import whole_file
from aigc_core.interfaces.metric import Measured
from aigc_core.paths import home


class Kept:
    """A folder of small JSON files, each named after the hash of everything that its number depends on."""

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder or os.path.join(home("cache"), "scores")
        self.hits = self.misses = 0

    def measured(self, key: Mapping[str, Any], compute: Callable[[], Measured]) -> Measured:
        """Return what was measured under a key before, or measure and keep it."""
        if (found := self.get(key)) is not None:
            return found
        measured = compute()
        self.put(key, measured)
        return measured

    def get(self, key: Mapping[str, Any]) -> Measured | None:
        """Return what is kept under a key; None where nothing is, or what is there cannot be used."""
        try:
            with open(self._path(key), encoding="utf-8") as stream:
                kept = json.load(stream)
            values = {name: math.nan if value is None else float(value) for name, value in kept["values"].items()}
            if kept["key"] != json.loads(_text(key)):
                raise ValueError("a hash that two keys share, or a file that somebody moved")
            found = Measured(values, str(kept["why"]), dict(kept["details"]), str(kept["estimator"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.misses += 1
            return None
        self.hits += 1
        return found

    def put(self, key: Mapping[str, Any], measured: Measured) -> None:
        """Keep what was measured. Where that cannot be (a full or read-only disk), nothing is kept."""
        values = {name: value if math.isfinite(value) else None for name, value in measured.values.items()}
        kept = {
            "key": key,
            "values": values,
            "why": measured.why,
            "details": measured.details,
            "estimator": measured.estimator,
        }
        with contextlib.suppress(OSError, ZooError):
            os.makedirs(self.folder, exist_ok=True)
            with whole_file(self._path(key)) as stream:
                stream.write(_text(kept).encode())

    def _path(self, key: Mapping[str, Any]) -> str:
        return os.path.join(self.folder, f"{hashlib.sha256(_text(key).encode()).hexdigest()}.json")


class Nothing(Kept):
    """Keeps nothing: everything is measured anew."""

    def get(self, key: Mapping[str, Any]) -> Measured | None:
        self.misses += 1
        return None

    def put(self, key: Mapping[str, Any], measured: Measured) -> None: ...


@cache
def code_of(package: str) -> str:
    """Return the SHA-256 of the Python and JSON files below a package's folder, with their names."""
    content = hashlib.sha256()
    for folder, folders, names in os.walk(package):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".py", ".json")):
                path = os.path.join(folder, name)
                with open(path, "rb") as stream:
                    data = stream.read()
                content.update(f"{os.path.relpath(path, package)}\0{len(data)}\0".encode() + data)
    return content.hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
