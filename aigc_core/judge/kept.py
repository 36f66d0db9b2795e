"""Judgements by content: what nothing has changed of is not done again."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from aigc_core.errors import ZooError
from aigc_core.evaluate.cache import code_of
from aigc_core.files import whole_file
from aigc_core.findings import Finding
from aigc_core.judge.boxed import Settings
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.sheet import Sheet
from aigc_core.judge.steps import Judged
from aigc_core.paths import home

_VERSIONED = ("torch", "numpy", "safetensors", "tokenizers")
_NOT_KEPT = ("sandbox/sandbox", "sandbox/stopped")
"""What the machine or the user has done, not the model."""


def key(candidate: Candidate, settings: Settings, steps: tuple[str, ...]) -> str:
    """Return a hash of everything that a judgement depends on: 64 hexadecimal digits.

    Besides ``facts`` it is the place that files have: of bundled weights the manifest's word and the file's size and
    time of change.
    """
    entry = candidate.entry
    whole = {
        **facts(candidate, settings),
        "id": [candidate.id, entry.origin],
        "files": [_stamp(os.path.join(entry.folder, path)) for path in _named(candidate)],
        "settings": [
            settings.samples,
            settings.seeds,
            settings.few,
            settings.most_s,
            settings.trusted,
            {**settings.data},
        ],
        "steps": steps,
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def facts(candidate: Candidate, settings: Settings) -> dict[str, str]:
    """Return what a model's numbers depend on, by name: its manifest, code, this core, the libraries that compute."""
    entry = candidate.entry
    assert entry.manifest is not None
    with open(entry.path, "rb") as stream:
        manifest = hashlib.sha256(stream.read()).hexdigest()
    plugin = entry.plugin
    return {
        "manifest": manifest,
        "plugin": f"{plugin.distribution} {plugin.version}" if plugin else "",
        "code": code_of(plugin.package) if plugin else "",
        "core": code_of(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
        "threads": str(settings.threads),
        "sandbox": settings.backend.name,
        **_computes(),
    }


def _named(candidate: Candidate) -> list[str]:
    """Return the files beside the manifest that it names: weights that are bundled, golden inputs and outputs."""
    manifest = candidate.entry.manifest
    assert manifest is not None
    golden = manifest.document.get("golden")
    cases = [case for case in golden if isinstance(case, dict)] if isinstance(golden, list) else []
    stored = [case[name] for case in cases for name in ("noise", "output") if isinstance(case.get(name), str)]
    return [*stored, *([file.path for file in manifest.files] if manifest.source == "bundled" else [])]


def _stamp(path: str) -> list[object]:
    try:
        status = os.stat(path)
    except OSError:
        return [os.path.basename(path)]
    return [os.path.basename(path), status.st_size, status.st_mtime_ns]


@cache
def _computes() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.release()}
    for name in _VERSIONED:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


class Kept:
    """A folder of judgements, one JSON file each."""

    def __init__(self, folder: str = "") -> None:
        self.folder = folder or os.path.join(home("cache"), "judged")

    def get(self, name: str) -> Judged | None:
        """Return what was judged under a key; None where nothing was, or what is there cannot be used."""
        try:
            with open(os.path.join(self.folder, f"{name}.json"), encoding="utf-8") as stream:
                kept = json.load(stream)
            findings = tuple(Finding(**each) for each in kept["findings"])
            sheet = kept["sheet"] and Sheet(base64.b64decode(kept["sheet"]["png"]), tuple(kept["sheet"]["texts"]))
            return Judged(findings, kept["environment"], kept["numbers"], sheet or None)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
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
                stream.write(json.dumps(kept).encode())


class Nothing(Kept):
    """Keeps nothing: everything is judged anew."""

    def get(self, name: str) -> Judged | None:
        return None

    def put(self, name: str, judged: Judged) -> None: ...
