"""Models on the Hub that an installed plugin can load, found by what the plugins claim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable
from aigc_core.hub.claims import FIELDS
from aigc_core.hub.client import endpoint, get_json
from aigc_core.hub.publish.card import LIBRARY
from aigc_core.hub.remote import SPDX
from aigc_core.manifest.model import is_repo_id

AT_ONCE = 4
"""Questions that are asked of the Hub at the same time."""
_ASKED_FOR = ["downloads", "gated", "lastModified", "library_name", "tags"]
"""All that an answer is to have of a repository: without this it has every file's name."""


class Found(NamedTuple):
    """One repository that can be run."""

    repo_id: str
    plugins: tuple[str, ...]
    """The plugins that load it; none where it is one of ours and does not say which."""
    downloads: int | None
    """In the last 30 days, as the Hub counts; None where it does not say, as in all that follow."""
    license: str | None
    gated: bool | None
    last_modified: str | None
    """ISO 8601, in UTC."""


Questions = dict[tuple[str, ...], list[str]]
"""The tags that a repository is to have, and the plugins that load such a one."""


def questions(plugins: Sequence[Plugin]) -> Questions:
    """Return what to ask the Hub for: one question for each value that plugins claim."""
    found: Questions = {}
    for field in FIELDS:  # the first that anybody claims decides who loads it
        for plugin in plugins:
            for value in plugin.manifest.claims.get(field, {}) if plugin.manifest else ():
                tag = f"diffusers:{value}" if field == "_class_name" else value
                found.setdefault((tag, "safetensors"), []).append(plugin.name)
    return found


def search(words: str, limit: int) -> list[Found]:
    """Return repositories whose name has the words, most downloaded first: those that a plugin claims, and ours.

    Raises ``NotAvailable`` where the Hub cannot be asked or answers nonsense.
    """
    plugins = discovery.usable(discovery.plugins())
    asked = questions(plugins) | {(LIBRARY,): []}
    threads = ThreadPoolExecutor(AT_ONCE)
    try:
        answers = [threads.submit(_ask, words, tags, limit) for tags in asked]
        rows = [answer.result() for answer in answers]
    finally:  # where one fails, the others are of no use
        threads.shutdown(wait=False, cancel_futures=True)
    found: dict[str, Found] = {}
    for (tags, names), listed in zip(asked.items(), rows, strict=True):
        for row in listed:
            known = _found(row, tags, names or _generators(plugins, row))
            if known:
                found.setdefault(known.repo_id, known)
    return sorted(found.values(), key=lambda one: (-(one.downloads or 0), one.repo_id))[:limit]


def _ask(words: str, tags: tuple[str, ...], limit: int) -> list[Any]:
    params: dict[str, Any] = {"search": words, "filter": [*tags], "sort": "downloads"}
    params |= {"limit": limit, "expand": _ASKED_FOR}
    rows = get_json("/api/models", params, f"the search for {words}")
    if not isinstance(rows, list):
        raise NotAvailable(f"{endpoint()} answered a search with something that is no listing.", "Check HF_ENDPOINT.")
    return rows


def _found(row: Any, tags: Sequence[str], plugins: Iterable[str]) -> Found | None:
    """Take one row of a listing, which anybody may have written; None where it is none, or not what was asked for."""
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not is_repo_id(row["id"]):
        return None
    own = _tags(row)
    if not set(tags) <= {*own, row["library_name"] if isinstance(row.get("library_name"), str) else ""}:
        return None
    downloads, gated, changed = row.get("downloads"), row.get("gated"), row.get("lastModified")
    return Found(
        row["id"],
        tuple(dict.fromkeys(plugins)),
        downloads if type(downloads) is int and 0 <= downloads < 2**63 else None,
        next((_licence(tag) for tag in own if tag.startswith("license:")), None),
        gated if isinstance(gated, bool) else True if gated in ("auto", "manual") else None,
        changed if isinstance(changed, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{8,20}Z", changed) else None,
    )


def _licence(tag: str) -> str | None:
    name = tag.removeprefix("license:")
    return SPDX.get(name, name) if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,60}", name) else None


def _generators(plugins: Sequence[Plugin], row: Any) -> list[str]:
    """Return the plugins that have the architecture which the card of a model of ours names among its tags."""
    tags = _tags(row) if isinstance(row, dict) else []
    return [
        plugin.name
        for plugin in plugins
        if plugin.manifest and not set(tags).isdisjoint(plugin.manifest.components.get("generators", {}))
    ]


def _tags(row: dict[str, Any]) -> list[str]:
    tags = row.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
