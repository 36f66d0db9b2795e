"""Every file of the cache against what it has to be, really hashed: no record of an earlier time is trusted."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from aigc_core.errors import NotAvailable, Refused
from aigc_core.hub.cached.contents import Blob, CachedFile, Repository, Revision
from aigc_core.hub.cached.uses import Use
from aigc_core.manifest.model import WeightFile
from aigc_core.verified import known_sha256, verify


class Checked(NamedTuple):
    """One file, and how it was found."""

    repo_id: str
    revision: str
    """The commit; empty for a blob that no revision in the cache has."""
    path: str
    """Its path in the repository, or for such a blob below the repository's folder."""
    state: str
    """``ok``, ``differs``, ``unreadable``, ``damaged`` (no file of the cache's), ``unknown`` (no hash to compare)."""
    reason: str = ""
    """Why it is not ok."""
    models: tuple[str, ...] = ()
    """The models that pin it."""
    repair: str = ""
    """The command that mends it."""


Report = Callable[[str], None]
"""Hears which file is about to be read."""


Pins = dict[str, dict[WeightFile, tuple[str, ...]]]
"""Path to what it is pinned to, and the models that pin it so; two may pin one file otherwise."""


def check(
    repository: Repository, commits: Sequence[str], uses: dict[tuple[str, str], list[Use]], report: Report
) -> Iterator[Checked]:
    """Hash a repository's files: those of some revisions, or with no ``commits`` all that there are.

    What a model pins is compared with the pin, every other blob with its own name, which is its sha256 or its git id.
    """
    revisions = [each for each in repository.revisions if not commits or each.commit in commits]
    pins = {each.commit: _pins(uses.get((repository.repo_id, each.commit), [])) for each in revisions}
    done: set[str] = set()
    for revision in revisions:
        for file in revision.files:
            for pin, models in pins[revision.commit].get(file.path, {}).items():
                report(f"{repository.repo_id} {file.path}")
                state, reason = _against_pin(file, pin)
                if state != "ok" or os.path.basename(file.target) == pin.sha256:  # the name says nothing else
                    done.add(file.real)
                repair = f"aigc-zoo pull {models[0]}" if state != "ok" else ""
                yield Checked(repository.repo_id, revision.commit, file.path, state, reason, models, repair)
    yield from _others(repository, revisions, bool(commits), done, report)
    yield from _problems(repository, commits, pins)


def _others(
    repository: Repository, revisions: Sequence[Revision], only: bool, done: set[str], report: Report
) -> Iterator[Checked]:
    """Hash what no model pins: the blobs, with ``only`` those of these revisions, and files that are no blobs."""
    owners: dict[str, tuple[str, str]] = {}
    for revision in revisions:
        for file in revision.files:
            owners.setdefault(file.real, (revision.commit, file.path))
    blobs = {blob.real: blob for blob in repository.blobs if not only or blob.real in owners}
    for real in dict.fromkeys([*blobs, *owners]):
        if real not in done:
            commit, path = owners.get(real) or ("", f"blobs/{blobs[real].name}")
            report(f"{repository.repo_id} {path}")
            state, reason = _against_name(blobs.get(real))
            repair = "" if state in ("ok", "unknown") else repository.repair + (f"@{commit[:12]}" if commit else "")
            yield Checked(repository.repo_id, commit, path, state, reason, (), repair)


def _problems(repository: Repository, commits: Sequence[str], pins: dict[str, Pins]) -> Iterator[Checked]:
    for problem in repository.problems:
        path, commit, models = os.path.relpath(problem.path, repository.folder).replace(os.sep, "/"), "", []
        if path.startswith("snapshots/"):
            _, commit, *below = path.split("/")
            path = "/".join(below) or path
            models = [name for names in pins.get(commit, {}).get(path, {}).values() for name in names]
        if not commits or commit in commits:
            repair = f"aigc-zoo pull {models[0]}" if models else repository.repair
            yield Checked(repository.repo_id, commit, path, "damaged", f"it {problem.text}", tuple(models), repair)


def _pins(users: Sequence[Use]) -> Pins:
    found: Pins = {}
    for use in users:
        for file in use.files:
            if file.pinned:
                same = found.setdefault(file.path, {})
                key = WeightFile(file.path, file.size, file.sha256, "")
                same[key] = (*same.get(key, ()), use.name)
    return found


def _against_pin(file: CachedFile, pin: WeightFile) -> tuple[str, str]:
    try:
        verify(file.place, pin.size, pin.sha256, fresh=True)
    except NotAvailable as error:
        return "unreadable", str(error).rstrip(".")
    except Refused:
        if file.size != pin.size:
            return "differs", f"it has {file.size:,} bytes, pinned are {pin.size:,}"
        return "differs", f"its sha256 is {known_sha256(file.place)}, pinned is {pin.sha256}"
    return "ok", ""


def _against_name(blob: Blob | None) -> tuple[str, str]:
    if blob is None or not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", blob.name):
        return "unknown", "nothing says what its hash must be"
    try:
        digest = _digest(blob)
    except OSError as error:
        return "unreadable", f"it cannot be read: {(error.strerror or str(error)).lower()}"
    return ("ok", "") if digest == blob.name else ("differs", f"its hash is {digest}, its blob is named {blob.name}")


def _digest(blob: Blob) -> str:
    digest: Any = hashlib.sha256()
    with open(blob.real, "rb") as stream:
        if len(blob.name) == 40:  # git's id of a blob
            digest = hashlib.sha1(b"blob %d\0" % os.fstat(stream.fileno()).st_size, usedforsecurity=False)
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return str(digest.hexdigest())
