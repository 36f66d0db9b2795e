"""What several places say of one id: the lock file's word, the user's manifest before others, and contradictions."""

from __future__ import annotations

from aigc_core.hub import lock
from aigc_core.registry.entry import RUNNABLE, Entry, judged

_ON_HUB = (*RUNNABLE, "not pinned")
_RANKS = {"user": 0, "registry": 2}


def pinned(found: list[Entry], locked: bool = True) -> list[Entry]:
    """Return models by id, those on the Hub as the project's lock file pins them; ``locked=False`` leaves that out.

    Raises ``WrongUse`` where the lock file is damaged.
    """
    pins = lock.read(lock.project_path()) if locked else {}
    found = [_locked(entry, pins[entry.id]) if entry.id in pins else entry for entry in found]
    return sorted(found, key=lambda entry: (entry.id, entry.origin))


def _locked(entry: Entry, pin: lock.Pin) -> Entry:
    """Let the project's lock file say which commit and files a model on the Hub has."""
    if entry.manifest is None or entry.manifest.source != "hub":
        return entry
    if pin.repo_id != entry.manifest.repo_id:
        reason = f"{lock.NAME} pins it to {pin.repo_id}, its manifest says {entry.manifest.repo_id}"
        return entry._replace(state="broken", reason=reason, repair=f"aigc-zoo lock {entry.id}")
    pickled = {(file.path, file.sha256) for file in entry.manifest.files if file.format == "pickle"}
    pickles = [file for file in pin.files if file.format == "pickle"]
    if asked := [file.path for file in pickles if (file.path, file.sha256) not in pickled]:
        reason = f"{lock.NAME} asks for {asked[0]}, a pickle, and its manifest does not"
        return entry._replace(state="broken", reason=reason, repair=f"aigc-zoo lock {entry.id}")
    manifest = entry.manifest._replace(revision=pin.revision, files=pin.files)
    entry = entry._replace(manifest=manifest)
    return judged(entry) if entry.state in _ON_HUB else entry


def overlaid(found: list[Entry]) -> list[Entry]:
    """Drop what is overlaid: the user's manifest of an id comes before a plugin's, a plugin's before the index's."""
    rank: dict[str, int] = {}
    for entry in found:
        rank[entry.id] = min(rank.get(entry.id, 9), _RANKS.get(entry.origin, 1))
    return [entry for entry in found if _RANKS.get(entry.origin, 1) == rank[entry.id]]


def conflicts(found: list[Entry]) -> list[Entry]:
    """Mark models whose id another usable model has too; ``origin:id`` still runs either."""
    claims: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.state in RUNNABLE:
            claims.setdefault(entry.id, []).append(entry)
    return [
        entry._replace(
            state="conflict",
            reason="the id is listed by " + " and ".join(_lister(other) for other in claims[entry.id]),
            repair=f"aigc-zoo run {entry.qualified}",
        )
        if entry.state in RUNNABLE and len(claims[entry.id]) > 1
        else entry
        for entry in found
    ]


def _lister(entry: Entry) -> str:
    if entry.plugin and entry.origin == f"plugin {entry.plugin.name}":
        return f"{entry.plugin.distribution} {entry.plugin.version}"
    return entry.origin if entry.origin.startswith("plugin") else f"the {entry.origin} folder"
