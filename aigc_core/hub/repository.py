"""Any repository on the Hub, or folder in its layout, as a model.

The first use of a repository pins it: commit, sizes and hashes go into the user's lock file, and it is verified
against that ever after.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from aigc_core.errors import NotAvailable, Refused, WrongUse, counted
from aigc_core.hub import cache, lock
from aigc_core.hub.choose import CONFIG, ENDINGS, FORMATS, MANIFEST, TEXT_BYTES, TEXTS, kind, small_files, weight_files
from aigc_core.hub.claims import claimed
from aigc_core.hub.describe import describe, facts, own_manifest
from aigc_core.hub.lock import Pin
from aigc_core.hub.names import hub_name, is_hub_name, model_id
from aigc_core.hub.pull import Report, fetch, pull, silent
from aigc_core.hub.remote import Repository, look
from aigc_core.manifest.model import WeightFile, is_commit
from aigc_core.registry import Entry, judged
from aigc_core.verified import known_sha256


def entry(name: str) -> Entry:
    """Return the model that ``hf:ORG/NAME[@REVISION]`` or ``./FOLDER`` is, from what is here; the Hub is not asked.

    Raises ``WrongUse`` for a name or folder that cannot be, ``NotAvailable`` where nothing says what model it is.
    """
    return _repository(name) if is_hub_name(name) else _folder(name)


def settle(name: str, say: Callable[[str], None], *, offline: bool = False, report: Report = silent) -> None:
    """Make ``entry`` complete: pin a repository at its first use, and have the files here that say what it is.

    Raises ``NotAvailable`` where the Hub has to be asked and cannot be, or no plugin can load it, ``Refused`` where it
    holds nothing that may be loaded.
    """
    asked, pin = hub_name(name), _pin(name)
    if pin is None:
        if offline or cache.offline():
            text = f"{name} was never pulled here, and nothing may be asked of the Hub."
            raise NotAvailable(text, f"Once without HF_HUB_OFFLINE or --locked: aigc-zoo pull {name}")
        pin = first_pin(name, asked.repo_id, asked.revision or "main", report)
        lock.add(lock.user_path(), name, pin)
        size = sum(file.size for file in pin.files) / 1e6
        what = f"{counted(len(pin.files), 'file')}, {size:,.1f} MB, {pin.license or 'no licence declared'}"
        say(f"{name} is pinned to commit {pin.revision} ({what}) in {lock.user_path()}.")
    pull(pin.repo_id, pin.revision, _describing(pin), offline=offline, report=report)


def first_pin(name: str, repo_id: str, revision: str, report: Report = silent) -> Pin:
    """Ask the Hub what a repository has, choose what a model needs of it, and hash what the Hub gives no hash of."""
    found = look(repo_id, revision)._replace(repo_id=repo_id)  # the name that was asked for, wherever it has moved
    folder = cache.snapshot(found.repo_id, found.revision)

    def bring(paths: list[str]) -> None:
        listed = [found.files[path] for path in paths]
        wanted = [WeightFile(file.path, file.size, file.digest, kind(file.path)) for file in listed]
        fetch(found.repo_id, found.revision, wanted, report)

    def local(path: str) -> str:
        bring([path])
        return os.path.join(folder, path)

    own: tuple[WeightFile, ...] = ()
    if MANIFEST in found.files:
        bring([MANIFEST])
        own = own_manifest(folder, name).files
        chosen = [MANIFEST, *_named(own, found, name)]
    else:
        small = [path for path in small_files(found.files) if found.files[path].size <= TEXT_BYTES]
        bring(small)
        claimed(facts(folder, name, found.files), name)  # or there is no use in looking for weights
        chosen = [*small, *weight_files(found.files, local, name)]
    chosen = list(dict.fromkeys(chosen))
    bring([path for path in chosen if not found.files[path].sha256])
    files = tuple(WeightFile(path, found.files[path].size, _sha256(found, path), kind(path)) for path in chosen)
    there = {(file.path, file.size, file.sha256) for file in files}
    if wrong := [file.path for file in own if (file.path, file.size, file.sha256) not in there]:
        raise Refused(f"{wrong[0]} of {name} is not what the manifest beside it says.", "Tell its authors.")
    return Pin(found.repo_id, found.revision, found.license, files)


def _sha256(found: Repository, path: str) -> str:
    return found.files[path].sha256 or known_sha256(cache.path(found.repo_id, found.revision, path))


def _named(files: tuple[WeightFile, ...], found: Repository, name: str) -> list[str]:
    """Return the paths of the files that a repository's own manifest names, if they are there."""
    for file in files:
        if file.path not in found.files or not file.pinned:
            raise Refused(f"The manifest of {name} names {file.path}, which it has not or has no hash for.")
    return [file.path for file in files]


def _pin(name: str) -> Pin | None:
    """Return what a repository is pinned to, None where it was never used.

    Raises ``Refused`` where a lock file, which may be a stranger's, has it mean something else than its name says.
    """
    asked, pin = hub_name(name), lock.find(name)
    if pin is None:
        return None
    other = pin.repo_id != asked.repo_id or (is_commit(asked.revision) and pin.revision != asked.revision)
    if other or any(file.format not in FORMATS or not file.path.endswith(ENDINGS) for file in pin.files):
        what = f"{pin.repo_id} at {pin.revision[:12]}" if other else "a pickle, or may hold code"
        raise Refused(f"{lock.NAME} says that {name} is {what}.", f"It was not used; take {name} out of that file.")
    return pin


def _describing(pin: Pin) -> list[WeightFile]:
    """Return the files that say what model it is, which are needed before anything else."""
    own = [file for file in pin.files if file.path == MANIFEST]
    return own or [file for file in pin.files if file.path in TEXTS]


def _repository(name: str) -> Entry:
    asked, pin = hub_name(name), _pin(name)
    empty = Entry(model_id(asked.repo_id.partition("/")[2]), "", "", None, None, "hf", "not fetched", ref=name)
    repair = f"aigc-zoo pull {name}"
    if pin is None:
        return empty._replace(reason="it was never pulled here, so nothing is known of it", repair=repair)
    folder = cache.snapshot(pin.repo_id, pin.revision)
    try:
        pull(pin.repo_id, pin.revision, _describing(pin), offline=True)
        manifest, plugin = describe(folder, pin.files, name, pin.license)
    except NotAvailable as error:
        return empty._replace(reason=str(error).rstrip("."), repair=error.hint or repair)
    pinned = {(file.path, file.size, file.sha256) for file in pin.files}
    if not {(file.path, file.size, file.sha256) for file in manifest.files} <= pinned:
        raise Refused(f"{name} is pinned to other files than its manifest names.", f"Remove it from {lock.NAME}.")
    licence = pin.license or manifest.licence  # what the card says, which the Hub shows, comes first
    document = manifest.document | {"terms": _terms(manifest.document) | {"weights": licence}}
    manifest = manifest._replace(source="hub", repo_id=pin.repo_id, revision=pin.revision, document=document)
    known = empty._replace(id=manifest.id, path=_says_what(folder), folder=folder, manifest=manifest, plugin=plugin)
    return judged(known)


def _terms(document: dict[str, Any]) -> dict[str, Any]:
    terms = document.get("terms")
    return terms if isinstance(terms, dict) else {}


def _folder(name: str) -> Entry:
    folder = os.path.abspath(os.path.expanduser(name))
    if not os.path.isdir(folder):
        raise WrongUse(f"There is no folder {name}.", "A name without ./ is a model's: aigc-zoo list")
    files: list[WeightFile] = []
    if not os.path.exists(os.path.join(folder, MANIFEST)):
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
        chosen = [*small_files(names), *weight_files(names, lambda path: os.path.join(folder, path), name)]
        paths = {path: os.path.join(folder, path) for path in dict.fromkeys(chosen)}
        files = [
            WeightFile(path, os.path.getsize(real), known_sha256(real), kind(path)) for path, real in paths.items()
        ]
    manifest, plugin = describe(folder, files, name, None)
    manifest = manifest._replace(source="bundled")
    return judged(Entry(manifest.id, _says_what(folder), folder, manifest, plugin, "folder", "ready", ref=name))


def _says_what(folder: str) -> str:
    own = os.path.join(folder, MANIFEST)
    return own if os.path.exists(own) else os.path.join(folder, CONFIG)
