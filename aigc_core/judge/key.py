"""What a judgement depends on, as one hash: where nothing of it has changed, the judgement has not."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aigc_core.evaluate.cache import code_of
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.settings import Settings

_VERSIONED = ("torch", "numpy", "safetensors", "tokenizers")


def key(candidate: Candidate, settings: Settings, steps: tuple[str, ...]) -> str:
    """Return a hash of everything that a judgement depends on: 64 hexadecimal digits.

    Files count by their content. Of a contributed plugin that is all that was built of it, for its code can read, or
    import, any of that; of an installed one its package, and the files that the manifest names.
    """
    entry = candidate.entry
    whole: dict[str, Any] = {
        **facts(candidate, settings),
        "id": [candidate.id, entry.origin],
        "files": [_content(os.path.join(entry.folder, path)) for path in candidate.beside],
        "site": _whole(candidate.site) if candidate.site else "",
        # What ends a run or says where data lie is no part of the answer, but what it is asked for is.
        "settings": {**settings._asdict(), "backend": settings.backend.name, "stop": None, "data": {**settings.data}},
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


def _content(path: str) -> list[str]:
    """Return a file's name with the SHA-256 of its content, without that where it is no regular file."""
    name = os.path.basename(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return [name]
        with open(path, "rb") as stream:
            content = hashlib.sha256()
            while block := stream.read(1 << 20):
                content.update(block)
    except OSError:
        return [name]
    return [name, content.hexdigest()]


@cache
def _whole(folder: str) -> str:
    """Return a hash of every file below a folder that is the judge's own copy."""
    found = [
        [os.path.relpath(os.path.join(here, name), folder), *_content(os.path.join(here, name))]
        for here, _, names in os.walk(folder)
        for name in names
    ]
    return hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest()


@cache
def _computes() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.release()}
    found["processor"] = _processor()
    for name in _VERSIONED:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str:
    """Return the processor's name: by its instructions sums are added in another order."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
        names = [line.partition(":")[2].strip() for line in stream if line.startswith("model name")]
        return names[0] if names else platform.processor()
    return platform.processor()
