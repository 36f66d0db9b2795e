"""Files: redirects by revision, and bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from .access import find, revision_of
from .errors import HubError
from .store import Data

if TYPE_CHECKING:
    from .handler import Handler


def resolve(call: Handler, prefix: str | None, repo_id: str, rev: str, path: str) -> None:
    """Answer for a file of a revision: a large one by a link to the CDN, a small one by an address with its commit."""
    _resolve(call, (prefix or "models/")[:-1], repo_id, rev, path, pinned=False)


def resolve_cache(call: Handler, kind: str, repo_id: str, rev: str, path: str) -> None:
    """Answer for a file at the address that has its commit."""
    _resolve(call, kind, repo_id, rev, path, pinned=True)


def _resolve(call: Handler, kind: str, repo_id: str, rev: str, path: str, *, pinned: bool) -> None:
    repo = find(call, kind, repo_id, content=True)
    revision = revision_of(repo, rev)
    blob = repo.commits[revision].tree.get(path)
    if blob is None:
        raise HubError(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": revision})
    headers = {"X-Repo-Commit": revision, "Accept-Ranges": "bytes"}
    if blob.lfs:
        repo.downloads += call.command == "GET"
        headers |= {"X-Linked-Size": str(blob.size), "X-Linked-Etag": f'"{blob.sha256}"'}
        return call.reply(302, **headers, Location=call.hub.cdn + call.hub.links.issue(blob.sha256))
    # The real Hub sends these as they are: nothing that is private, gated, empty or without a namespace is cached.
    if pinned or repo.private or repo.gated or not blob.size or "/" not in repo_id:
        return send(call, blob.data, headers | {"ETag": f'"{blob.oid}"'})
    address = f"/api/resolve-cache/{kind}/{repo.id}/{revision}/{quote(path)}?etag=%22{blob.oid}%22"
    return call.reply(307, **headers, Location=address)


def cdn(call: Handler, sha256: str) -> None:
    """Send a large file to who has a link that has not expired; a token is refused, since the link is signed."""
    if "Authorization" in call.headers:
        raise HubError(400, message="Only one auth mechanism allowed")
    if not call.hub.links.good(call.path):
        raise HubError(403, message="This link has expired")
    if sha256 not in call.hub.objects:
        raise HubError(404, message="There is no such object")
    # The real CDN has an ETag of its own, which is not that of the Hub.
    send(call, call.hub.objects[sha256], {"ETag": f'"cdn-{sha256[:16]}"', "Accept-Ranges": "bytes"})


def send(call: Handler, data: Data, headers: dict[str, str]) -> None:
    """Answer with a file's bytes, or the range that is asked for."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("Range", ""))
    if not match:
        return call.reply(200, data, **headers)
    low, high = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
    if low >= len(data):
        raise HubError(416, message="Range Not Satisfiable", **{"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {low}-{high}/{len(data)}"
    return call.reply(206, memoryview(data)[low : high + 1], low, **headers)
