"""What is there: models, files, branches and commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from .access import find, revision_of, user
from .describe import describe
from .errors import HubError
from .store import Repo, iso, tree_id

if TYPE_CHECKING:
    from .handler import Handler

BASIC = {"_id", "id", "modelId"}
# A listing leaves these out unless the query's field asks for them.
ON_REQUEST = {
    "siblings": "full",
    "sha": "full",
    "lastModified": "full",
    "gated": "full",
    "author": "full",
    "cardData": "cardData",
    "config": "config",
    "model-index": "cardData",
    "safetensors": "full",
}
SORTABLE = ("lastModified", "createdAt", "downloads", "likes")


def info(call: Handler, kind: str, repo_id: str, rev: str = "main") -> None:
    """Answer with all about one repository at a revision."""
    repo = find(call, kind, repo_id)
    row = describe(repo, revision_of(repo, rev), blobs="blobs" in call.query)
    call.json(_only(row, call.query["expand"]) if "expand" in call.query else row)


def repositories(call: Handler, kind: str) -> None:
    """Answer with the repositories that fit the query, page by page."""
    name, rows = user(call), []
    for (found_kind, _), repo in sorted(call.hub.repos.items()):
        if found_kind == kind and (not repo.private or name == repo.owner):
            row = describe(repo, repo.refs["main"])
            if _fits(row, call.query):
                rows.append(row)
    order = call.query.get("sort", [""])[0]
    if order in SORTABLE:
        rows.sort(key=lambda row: row[order], reverse=True)
    pages(call, [_listed(row, call.query) for row in rows])


def _fits(row: dict[str, Any], query: dict[str, list[str]]) -> bool:
    gated = query.get("gated", [""])[0].lower()
    return (
        query.get("author", [row["author"]])[0] == row["author"]
        and query.get("search", [""])[0].lower() in row["id"].lower()
        and set(query.get("filter", [])) <= set(row["tags"])
        and query.get("pipeline_tag", [row["pipeline_tag"]])[0] == row["pipeline_tag"]
        and (not gated or (gated == "true") == bool(row["gated"]))
    )


def _listed(row: dict[str, Any], query: dict[str, list[str]]) -> dict[str, Any]:
    if "expand" in query:
        return _only(row, query["expand"])
    return {
        field: value
        for field, value in row.items()
        if field not in ON_REQUEST or ON_REQUEST[field] in query or (field == "cardData" and "full" in query)
    }


def _only(row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    return {field: value for field, value in row.items() if field in BASIC or field in fields}


def entries(repo: Repo, revision: str) -> list[dict[str, Any]]:
    """Return a row for every file and folder of a revision, sorted by path."""
    tree = repo.commits[revision].tree
    rows: list[dict[str, Any]] = []
    for path, blob in tree.items():
        row = {"type": "file", "path": path, "size": blob.size, "oid": blob.oid}
        rows.append(row | ({"lfs": {"oid": blob.sha256, **blob.lfs_info}} if blob.lfs else {}))
    for folder in {path[:at] for path in tree for at, letter in enumerate(path) if letter == "/"}:
        below = {path[len(folder) + 1 :]: blob for path, blob in tree.items() if path.startswith(folder + "/")}
        rows.append({"type": "directory", "path": folder, "size": 0, "oid": tree_id(below)})
    return sorted(rows, key=lambda row: str(row["path"]))


def tree(call: Handler, kind: str, repo_id: str, rev: str, path: str | None) -> None:
    """Answer with the files and folders of a folder, page by page, or with all below it."""
    repo = find(call, kind, repo_id, content=True)
    below = path + "/" if path else ""
    rows = [row for row in entries(repo, revision_of(repo, rev)) if row["path"].startswith(below)]
    if path and not rows:
        raise HubError(404, "EntryNotFound", f"{path} does not exist on {rev}")
    if call.query.get("recursive", [""])[0].lower() != "true":
        rows = [row for row in rows if "/" not in row["path"][len(below) :]]
    pages(call, rows)


def paths_info(call: Handler, kind: str, repo_id: str, rev: str) -> None:
    """Answer with the files and folders that the form names."""
    repo = find(call, kind, repo_id)
    wanted = parse_qs(call.body.decode()).get("paths", [])
    call.json([row for row in entries(repo, revision_of(repo, rev)) if row["path"] in wanted])


def refs(call: Handler, kind: str, repo_id: str) -> None:
    """Answer with the branches and tags."""
    repo = find(call, kind, repo_id)
    rows = {"branches": (repo.refs, "refs/heads/"), "tags": (repo.tags, "refs/tags/")}
    answer = {
        field: [{"name": name, "ref": prefix + name, "targetCommit": target} for name, target in found.items()]
        for field, (found, prefix) in rows.items()
    }
    call.json({**answer, "converts": []})


def commits(call: Handler, kind: str, repo_id: str, rev: str) -> None:
    """Answer with the commits up to a revision, newest first."""
    repo = find(call, kind, repo_id)
    revision: str | None = revision_of(repo, rev)
    rows = []
    while revision:
        commit = repo.commits[revision]
        row = {"id": revision, "title": commit.title, "message": "", "date": iso(commit.date)}
        rows.append({**row, "authors": [{"user": "hub"}]})
        revision = commit.parent
    pages(call, rows)


def pages(call: Handler, rows: list[dict[str, Any]]) -> None:
    """Answer with one page of the rows, and a link to the next."""
    size = min(int(call.query.get("limit", [call.hub.page_size])[0]), call.hub.page_size)
    start = int(call.query.get("cursor", [0])[0])
    headers = {}
    if start + size < len(rows):
        query = urlencode({**call.query, "cursor": [start + size]}, doseq=True)
        headers["Link"] = f'<{call.hub.url}{call.route}?{query}>; rel="next"'
    call.json(rows[start : start + size], **headers)
