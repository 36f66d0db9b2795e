"""Judgements by content: what nothing has changed of is not done again."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os

from aigc_core.errors import ZooError
from aigc_core.files import whole_file
from aigc_core.findings import Finding
from aigc_core.judge.sheet import Sheet
from aigc_core.judge.steps import Judged
from aigc_core.paths import home

_NOT_KEPT = ("sandbox/sandbox", "sandbox/stopped")
"""What the machine or the user has done, not the model."""


class Kept:
    """A folder of judgements, one JSON file each."""

    def __init__(self, folder: str = "") -> None:
        self.folder = folder or os.path.join(home("cache"), "judged")

    def get(self, name: str) -> Judged | None:
        """Return what was judged under a key; None where nothing was, or what is there cannot be used."""
        try:
            with open(os.path.join(self.folder, f"{name}.json"), encoding="utf-8") as stream:
                whole = json.load(stream)
            kept = whole["judged"]
            if whole["sha256"] != _sum(kept):
                return None
            findings = tuple(Finding(**each) for each in kept["findings"])
            sheet = kept["sheet"] and Sheet(base64.b64decode(kept["sheet"]["png"]), tuple(kept["sheet"]["texts"]))
            return Judged(findings, kept["environment"], kept["numbers"], sheet or None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def put(self, name: str, judged: Judged) -> None:
        """Keep a judgement. Where that cannot be (a full or read-only disk), nothing is kept."""
        if any(each.check in _NOT_KEPT for each in judged.findings):
            return
        sheet = judged.sheet and {
            "png": base64.b64encode(judged.sheet.png).decode(),
            "texts": list(judged.sheet.texts),
        }
        kept = {
            "findings": [each._asdict() for each in judged.findings],
            "environment": dict(judged.environment),
            "numbers": dict(judged.numbers),
            "sheet": sheet,
        }
        with contextlib.suppress(OSError, ZooError):
            os.makedirs(self.folder, exist_ok=True)
            with whole_file(os.path.join(self.folder, f"{name}.json")) as stream:
                stream.write(json.dumps({"sha256": _sum(kept), "judged": kept}).encode())


def _sum(kept: object) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


class Nothing(Kept):
    """Keeps nothing: everything is judged anew."""

    def get(self, name: str) -> Judged | None:
        return None

    def put(self, name: str, judged: Judged) -> None: ...
