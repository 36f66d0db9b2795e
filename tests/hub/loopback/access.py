"""Who asks, and what they may see and change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import HubError
from .store import Repo

if TYPE_CHECKING:
    from .handler import Handler


def user(call: Handler) -> str | None:
    """Return who asks, by the token. Raises ``HubError`` for a token that is unknown, as the Hub does everywhere."""
    token = call.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and token not in call.hub.tokens:
        raise HubError(401, message="Invalid credentials in Authorization header")
    return call.hub.tokens[token][0] if token else None


def writer(call: Handler, namespace: str | None = None) -> str:
    """Return who asks. Raises ``HubError`` where they may not write, or where the namespace is another user's."""
    name = user(call)
    token = call.headers.get("Authorization", "").removeprefix("Bearer ")
    others = {other for other, _ in call.hub.tokens.values()} - {name}
    if name is None or call.hub.tokens[token][1] != "write" or namespace in others:
        raise HubError(403 if name else 401, message="You don't have the rights to create or write here")
    return name


def find(call: Handler, kind: str, repo_id: str, *, content: bool = False) -> Repo:
    """Return a repository, and for its ``content`` mind the gate. Raises ``HubError``."""
    name, repo = user(call), call.hub.repos.get((kind, repo_id))
    if repo is None or (repo.private and name != repo.owner):
        if name is None:
            raise HubError(401, "RepoNotFound", "Invalid username or password.")
        raise HubError(404, "RepoNotFound", "Repository not found")
    if content and repo.gated and name not in repo.allowed | {repo.owner}:
        raise HubError(403 if name else 401, "GatedRepo", f"Access to {kind[:-1]} {repo_id} is restricted.")
    return repo


def find_to_write(call: Handler, kind: str, repo_id: str) -> Repo:
    """Return a repository that the asker may write to. Raises ``HubError``."""
    writer(call, repo_id.split("/")[0])
    return find(call, kind, repo_id)


def revision_of(repo: Repo, name: str) -> str:
    """Return the commit that a name stands for. Raises ``HubError``."""
    revision = repo.resolve(name)
    if revision is None:
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {name}")
    return revision


def whoami(call: Handler) -> None:
    """Answer who the token's user is."""
    name = user(call)
    if name is None:
        raise HubError(401, message="Invalid username or password.")
    role = call.hub.tokens[call.headers["Authorization"].removeprefix("Bearer ")][1]
    access = {"displayName": "test", "role": role}
    call.json({"type": "user", "name": name, "orgs": [], "auth": {"type": "access_token", "accessToken": access}})


def check(call: Handler, kind: str, repo_id: str, write: str | None) -> None:
    """Answer whether the asker may read a repository's content, or write to it."""
    if write:
        find_to_write(call, kind, repo_id)
    find(call, kind, repo_id, content=True)
    call.json({})
