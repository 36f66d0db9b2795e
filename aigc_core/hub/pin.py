"""A manifest's facts asked of the Hub: commit, sizes, hashes, licence; what differs, and where the result belongs."""

from __future__ import annotations

import copy
import datetime
import json
import os
from typing import Any, NamedTuple

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.files import whole_file
from aigc_core.hub import cache
from aigc_core.hub.client import endpoint
from aigc_core.hub.pull import Report, fetch, silent
from aigc_core.hub.remote import Repository, look
from aigc_core.manifest.model import ModelManifest, WeightFile
from aigc_core.registry import Entry, builtin_folder, user_folder
from aigc_core.verified import known_sha256


class Pinned(NamedTuple):
    """A manifest with the Hub's facts in it."""

    document: dict[str, Any]
    changes: list[str]
    """What is another than before, a line each; empty where everything agrees."""
    path: str
    """Where it belongs."""


def pin(entry: Entry, revision: str = "", report: Report = silent) -> Pinned:
    """Ask the Hub for every fact that a model's manifest states of its weights.

    Without ``revision`` that of the manifest is meant, and the main branch where it has none. A file that is not in
    LFS is fetched, for the Hub gives no sha256 of it. Raises ``WrongUse`` for a model that is not on the Hub,
    ``NotAvailable`` where the Hub does not answer or lacks a file.
    """
    manifest = entry.manifest
    if manifest is None:
        raise entry.error()
    if manifest.source != "hub":
        raise WrongUse(f"{entry.id} has its weights beside its manifest; only a model on the Hub is pinned.")
    found = look(manifest.repo_id, revision or manifest.revision or "main")
    _bring(found, [file.path for file in manifest.files], manifest.id, report)
    document = copy.deepcopy(manifest.document)
    weights = document["weights"]
    weights |= {"repo_id": found.repo_id, "revision": found.revision}
    for file in weights["files"]:
        listed = found.files[file["path"]]
        file |= {"size": listed.size, "sha256": _sha256(found, file["path"])}
    terms = document.get("terms")
    document["terms"] = {**(terms if isinstance(terms, dict) else {}), "weights": found.license}
    changes = _differences(manifest, document)
    document["provenance"] = _provenance(document)
    return Pinned(document, changes, _place(entry))


def save(pinned: Pinned) -> None:
    """Write the manifest where it belongs."""
    os.makedirs(os.path.dirname(pinned.path), exist_ok=True)
    with whole_file(pinned.path) as stream:
        stream.write((json.dumps(pinned.document, indent=2, ensure_ascii=False) + "\n").encode())


def _bring(found: Repository, paths: list[str], name: str, report: Report) -> None:
    if lacking := [path for path in paths if path not in found.files]:
        there = ", ".join(list(found.files)[:20])
        raise NotAvailable(
            f"{found.repo_id} has no {', '.join(lacking)} at {found.revision[:12]}, which {name} names.",
            f"It has: {there}.",
        )
    small = [found.files[path] for path in paths if not found.files[path].sha256]
    wanted = [WeightFile(file.path, file.size, file.digest, "") for file in small]
    if wanted:
        fetch(found.repo_id, found.revision, wanted, report)


def _sha256(found: Repository, path: str) -> str:
    return found.files[path].sha256 or known_sha256(cache.path(found.repo_id, found.revision, path))


def _differences(manifest: ModelManifest, new: dict[str, Any]) -> list[str]:
    """Compare what the two manifests say of the weights, a line for each fact that differs."""
    old, weights = manifest.document["weights"], new["weights"]
    rows = [(field, old.get(field), weights.get(field)) for field in ("repo_id", "revision")]
    rows.append(("licence", manifest.licence, new["terms"]["weights"]))
    for before, after in zip(old["files"], weights["files"], strict=True):
        rows += [(f"{after['path']}: {key}", before.get(key), after[key]) for key in ("size", "sha256")]
    return [f"{what}: {_shown(was)} -> {_shown(now)}" for what, was, now in rows if was != now]


def _shown(value: Any) -> str:
    return "not known" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _provenance(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Say that the Hub was asked, and keep what is said of anything else."""
    facts = ["/weights/repo_id", "/weights/revision", "/terms/weights"]
    for index in range(len(document["weights"]["files"])):
        facts += [f"/weights/files/{index}/{key}" for key in ("path", "size", "sha256")]
    kept = []
    for entry in document.get("provenance", []):
        left = [fact for fact in entry["facts"] if fact not in facts and not fact.startswith("/weights/files")]
        kept += [entry | {"facts": left}] if left else []
    asked = {"facts": facts, "verified": True, "source": f"asked of {endpoint()} by aigc-zoo pin"}
    return [asked | {"date": datetime.datetime.now(datetime.timezone.utc).date().isoformat()}, *kept]


def _place(entry: Entry) -> str:
    """Return the file itself in a checkout of the registry, an overlay in the user's folder for everything else."""
    checkout = os.path.dirname(entry.path) == builtin_folder() and os.path.basename(builtin_folder()) == "registry"
    if entry.origin == "user" or (checkout and os.access(entry.path, os.W_OK)):
        return entry.path
    return os.path.join(user_folder(), f"{entry.id}.json")
