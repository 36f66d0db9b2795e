"""Which request goes where."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from . import access, cards, download, listing, upload
from .errors import HubError

if TYPE_CHECKING:
    from .handler import Handler

KIND = "(?P<kind>models|datasets)"
NAME = "(?P<repo_id>(?:[^/]+/)?[^/]+?)"
REV = "(?P<rev>[^/]+)"
SHA256 = "(?P<sha256>[0-9a-f]{64})"
FILES = f"/(?P<prefix>datasets/)?{NAME}"
REPO = f"/api/{KIND}/{NAME}"

CDN = [
    ("GET HEAD", f"/cdn/{SHA256}", download.cdn),
    ("PUT", f"/lfs/{SHA256}", upload.put),
]
HUB = [
    ("GET", "/api/whoami-v2", access.whoami),
    ("POST", "/api/validate-yaml", cards.validate),
    ("POST", "/api/repos/create", upload.create),
    ("DELETE", "/api/repos/delete", upload.delete),
    ("GET HEAD", f"/api/resolve-cache/{KIND}/{NAME}/(?P<rev>[0-9a-f]{{40}})/(?P<path>.+)", download.resolve_cache),
    ("POST", rf"{FILES}\.git/info/lfs/objects/batch", upload.batch),
    ("POST", rf"{FILES}\.git/info/lfs/objects/verify", upload.verify),
    ("GET HEAD", f"{FILES}/resolve/{REV}/(?P<path>.+)", download.resolve),
    ("GET", f"/api/{KIND}", listing.repositories),
    ("GET", f"{REPO}/revision/{REV}", listing.info),
    ("GET", f"{REPO}/tree/{REV}(?:/(?P<path>.+))?", listing.tree),
    ("POST", f"{REPO}/paths-info/{REV}", listing.paths_info),
    ("GET", f"{REPO}/refs", listing.refs),
    ("GET", f"{REPO}/commits/{REV}", listing.commits),
    ("GET", f"{REPO}/auth-check(?P<write>/write)?", access.check),
    ("POST", f"{REPO}/preupload/{REV}", upload.preupload),
    ("POST", f"{REPO}/commit/{REV}", upload.commit),
    ("GET", REPO, listing.info),
]

Table = list[tuple[str, "re.Pattern[str]", Callable[..., None]]]


def _compiled(routes: list[tuple[str, str, Callable[..., None]]]) -> Table:
    return [(methods, re.compile(pattern), answer) for methods, pattern, answer in routes]


TABLES = {"hub": _compiled(HUB), "cdn": _compiled(CDN)}


def dispatch(call: Handler, side: str) -> None:
    """Answer a request to the hub or to its CDN. Raises ``HubError``, also where no route fits."""
    for methods, pattern, answer in TABLES[side]:
        match = pattern.fullmatch(call.route)
        if match and call.command in methods.split():
            fields = {name: unquote(value) if value else value for name, value in match.groupdict().items()}
            new = call.hub.renames.get(fields.get("repo_id") or "")
            if new:
                return call.reply(307, Location=call.path.replace(match["repo_id"], new, 1))
            return answer(call, **fields)
    raise HubError(404, message=f"The loopback hub has no route for {call.command} {call.route}")
