"""Uploads: repositories made and deleted, large files by LFS, and commits."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from .access import find, find_to_write, revision_of, writer
from .cards import check
from .errors import HubError
from .store import Blob

if TYPE_CHECKING:
    from .handler import Handler


def create(call: Handler) -> None:
    """Make a repository; one that is there answers 409 with its url, as the Hub does."""
    asked = json.loads(call.body)
    kind, namespace = asked.get("type", "model") + "s", asked.get("organization")
    repo_id = f"{namespace or writer(call)}/{asked['name']}"
    writer(call, namespace)
    url = f"{call.hub.url}/{'' if kind == 'models' else kind + '/'}{repo_id}"
    with call.hub.lock:
        if (kind, repo_id) in call.hub.repos:
            return call.json({"error": "You already created this repo", "url": url, "name": repo_id}, 409)
        call.hub.repo(repo_id, kind, create=True, private=asked.get("visibility") == "private")
    return call.json({"url": url, "name": repo_id, "id": repo_id})


def delete(call: Handler) -> None:
    """Delete a repository."""
    asked = json.loads(call.body)
    kind = asked.get("type", "model") + "s"
    repo = find_to_write(call, kind, f"{asked.get('organization') or writer(call)}/{asked['name']}")
    del call.hub.repos[kind, repo.id]
    call.json({})


def preupload(call: Handler, kind: str, repo_id: str, rev: str) -> None:
    """Answer which of the files go by LFS, and the etag of what is there under their names."""
    repo = find_to_write(call, kind, repo_id)
    tree = repo.commits[revision_of(repo, rev)].tree
    rows = []
    for file in json.loads(call.body)["files"]:
        path, old = file["path"], tree.get(file["path"])
        mode = "lfs" if call.hub.is_lfs(path, file["size"]) else "regular"
        rows.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": old.etag if old else None})
    call.json({"files": rows})


def batch(call: Handler, prefix: str | None, repo_id: str) -> None:
    """Answer where each large file is to be put; nowhere, if it is there."""
    find_to_write(call, (prefix or "models/")[:-1], repo_id)
    verify_url = f"{call.hub.url}{call.route.removesuffix('batch')}verify"
    rows: list[dict[str, Any]] = []
    for wanted in json.loads(call.body)["objects"]:
        row = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in call.hub.objects:
            put_url = f"{call.hub.cdn}/lfs/{wanted['oid']}"
            row["actions"] = {"upload": {"href": put_url}, "verify": {"href": verify_url}}
        rows.append(row)
    call.json({"transfer": "basic", "objects": rows})


def put(call: Handler, sha256: str) -> None:
    """Take a large file; the link is signed, so a token is refused."""
    if "Authorization" in call.headers:
        raise HubError(400, message="Only one auth mechanism allowed")
    if hashlib.sha256(call.body).hexdigest() != sha256:
        raise HubError(400, message="The sha256 of the body is not that of the link")
    call.hub.objects[sha256] = call.body
    call.reply(200)


def verify(call: Handler, prefix: str | None, repo_id: str) -> None:
    """Answer whether a large file has arrived whole."""
    find_to_write(call, (prefix or "models/")[:-1], repo_id)
    asked = json.loads(call.body)
    arrived = asked["oid"] in call.hub.objects and len(call.hub.objects[asked["oid"]]) == asked["size"]
    call.json({}, 200 if arrived else 404)


def commit(call: Handler, kind: str, repo_id: str, rev: str) -> None:
    """Add a commit to a branch; it is refused whole where one part of it is wrong."""
    find_to_write(call, kind, repo_id)
    lines = [json.loads(line) for line in call.body.splitlines() if line.strip()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    files = {
        line["value"]["path"]: _file(call, line["key"], line["value"])
        for line in lines
        if line["key"] in ("file", "lfsFile")
    }
    gone = [line["value"]["path"] for line in lines if line["key"].startswith("deleted")]
    if "README.md" in files:
        verdict = check(bytes(files["README.md"].data).decode("utf-8", "replace"), kind[:-1])
        if verdict["errors"]:
            return call.json({"error": "Invalid metadata in README.md", **verdict}, 400)
    with call.hub.lock:
        repo = find(call, kind, repo_id)
        if rev not in repo.refs:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {rev}")
        if header.get("parentCommit") not in (None, repo.refs[rev]):
            raise HubError(412, message="A commit has happened since. Please refresh and try again.")
        revision = repo.commit(files, header["summary"], rev, gone)
    prefix = "" if kind == "models" else kind + "/"
    url = f"{call.hub.url}/{prefix}{repo_id}/commit/{revision}"
    return call.json({"success": True, "commitOid": revision, "commitUrl": url})


def _file(call: Handler, key: str, value: dict[str, Any]) -> Blob:
    if key == "file":
        return Blob(base64.b64decode(value["content"]), False)
    if value["oid"] not in call.hub.objects:
        raise HubError(400, message=f"LFS object {value['oid']} was never uploaded")
    return Blob(call.hub.objects[value["oid"]], True)
