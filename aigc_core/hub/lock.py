"""Lock files: for each model the repository, commit, size and sha256 of every file, so that nothing has to be asked.

A project has one beside its code (``aigc-zoo.lock``), which comes before everything else; the user has one for
repositories that no manifest names, written at their first pull.
"""

from __future__ import annotations

import json
import os
import shlex
from typing import Any, NamedTuple

from aigc_core.errors import Refused, WrongUse, counted
from aigc_core.files import whole_file
from aigc_core.manifest.model import WeightFile, is_commit, is_repo_id, weight_file
from aigc_core.manifest.read import Malformed, pick, read_object
from aigc_core.paths import home

NAME = "aigc-zoo.lock"


class Pin(NamedTuple):
    """What one model is pinned to."""

    repo_id: str
    """Empty where a plugin bundles the files, as is ``revision``."""
    revision: str
    license: str | None
    """The licence of the weights, as it was declared when the model was pinned; None where none was."""
    files: tuple[WeightFile, ...]


def project_path() -> str:
    """Return the path of the lock file of the project that we are in: the current folder."""
    return os.path.abspath(NAME)


def user_path() -> str:
    """Return the path of the user's own lock file."""
    return os.path.join(home("data"), NAME)


def find(name: str, *, project: bool = True) -> Pin | None:
    """Return what a model is pinned to, the project's word first, or None.

    ``hf:ORG/NAME@COMMIT`` is also what another name of that repository is pinned to, where that is the commit.
    """
    for path in (project_path(), user_path()) if project else (user_path(),):
        if pin := _named(read(path), name):
            return pin
    return None


def _named(pins: dict[str, Pin], name: str) -> Pin | None:
    if name in pins:
        return pins[name]
    base, _, revision = name.partition("@")
    return next((pin for key, pin in pins.items() if key.partition("@")[0] == base and pin.revision == revision), None)


def read(path: str) -> dict[str, Pin]:
    """Return every pin of a lock file by model, none where there is no file. Raises ``WrongUse`` for a damaged one."""
    if not os.path.exists(path):
        return {}
    try:
        document = read_object(path)
        if document.get("schema") != 1:
            raise Malformed(f"{path} has schema {document.get('schema')!r:.60}, this version reads 1")
        models = pick(document, "models", dict, path)
        return {name: _pin(models[name], f"{path}, {name[:100]}") for name in models}
    except Malformed as error:
        raise WrongUse(
            f"The lock file cannot be used: {error}.", f"Mend it, or remove it: rm {shlex.quote(path)}"
        ) from None


def _pin(entry: Any, origin: str) -> Pin:
    if not isinstance(entry, dict):
        raise Malformed(f"{origin}: it is no object")
    repo_id, revision, licence = (entry.get(key) for key in ("repo_id", "revision", "license"))
    hub = repo_id is not None
    if hub and not (isinstance(repo_id, str) and is_repo_id(repo_id)):
        raise Malformed(f"{origin}: repo_id is no ORGANISATION/NAME")
    if hub and not (isinstance(revision, str) and is_commit(revision)):
        raise Malformed(f"{origin}: revision is no commit of 40 lower-case hexadecimal digits")
    files = tuple(weight_file(file, origin) for file in pick(entry, "files", list, origin))
    if not all(file.pinned for file in files):
        raise Malformed(f"{origin}: a file has no size or no sha256")
    return Pin(repo_id or "", revision or "", licence if isinstance(licence, str) else None, files)


def write(path: str, pins: dict[str, Pin]) -> None:
    """Replace a lock file, models and files in order, so that it changes only where they do."""
    models = {name: _document(pins[name]) for name in sorted(pins)}
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with whole_file(path) as stream:
        stream.write((json.dumps({"schema": 1, "models": models}, indent=2, ensure_ascii=False) + "\n").encode())


def _document(pin: Pin) -> dict[str, Any]:
    files = [{key: value for key, value in file._asdict().items() if value != ""} for file in sorted(pin.files)]
    return {"repo_id": pin.repo_id or None, "revision": pin.revision or None, "license": pin.license, "files": files}


def add(path: str, name: str, pin: Pin) -> None:
    """Write one more pin into a lock file; of two processes that do so at once, neither loses its own."""
    from huggingface_hub.utils import WeakFileLock

    os.makedirs(home("state"), exist_ok=True)
    with WeakFileLock(os.path.join(home("state"), "pins.lock")):
        write(path, read(path) | {name: pin})


def differences(old: Pin | None, new: Pin) -> list[str]:
    """Return what a new pin says otherwise than the old one, a line for each fact."""
    if old is None:
        size = sum(file.size for file in new.files) / 1e6
        where = f"{new.repo_id} at {new.revision}, " if new.repo_id else ""
        return [
            f"new: {where}{counted(len(new.files), 'file')}, {size:,.1f} MB, {new.license or 'no licence declared'}"
        ]
    facts = (("repository", old.repo_id, new.repo_id), ("commit", old.revision, new.revision))
    lines = [
        f"{what}: {was} -> {now}" for what, was, now in (*facts, ("licence", old.license, new.license)) if was != now
    ]
    before, after = ({file.path: file.sha256 for file in pin.files} for pin in (old, new))
    lines += [f"{path}: no longer there" for path in sorted(before.keys() - after.keys())]
    lines += [f"{path}: new" for path in sorted(after.keys() - before.keys())]
    both = sorted(before.keys() & after.keys())
    return lines + [f"{path}: other bytes" for path in both if before[path] != after[path]]


def require(name: str, files: tuple[WeightFile, ...]) -> None:
    """Check that the project's lock file pins each of a model's files. Raises ``Refused``."""
    pin = _named(read(project_path()), name)
    if pin is None:
        there = os.path.exists(project_path())
        text = f"{name} is not in {NAME}." if there else f"There is no {NAME} in this folder, so nothing is locked."
        raise Refused(text, f"Try: aigc-zoo lock {name}")
    if not {(file.path, file.sha256) for file in files} <= {(file.path, file.sha256) for file in pin.files}:
        raise Refused(f"{name} has other files than {NAME} says.", f"See what changed: aigc-zoo lock {name}")
