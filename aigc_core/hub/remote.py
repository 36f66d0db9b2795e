"""What the Hub says of a repository at one commit: its files with sizes and ids, its licence, what it is made for."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import quote

from aigc_core.errors import NotAvailable
from aigc_core.hub.client import endpoint, get_json
from aigc_core.manifest.model import is_commit, is_repo_id, leaves_folder


class RemoteFile(NamedTuple):
    """One file, as the Hub lists it."""

    path: str
    size: int
    sha256: str
    """Of a file in LFS; empty for a small one, which git alone holds."""
    blob: str
    """The git blob id: of the file itself where it is small, else of its pointer."""

    @property
    def digest(self) -> str:
        """What its bytes can be checked against: 64 digits are a sha256, 40 a git blob id."""
        return self.sha256 or self.blob


class Repository(NamedTuple):
    """A model repository at one commit."""

    repo_id: str
    """Its name now; another than was asked for where it has moved."""
    revision: str
    files: dict[str, RemoteFile]
    license: str | None
    """The licence that its card declares, as an SPDX id where the Hub's name for it is one; None where none is."""
    library_name: str
    pipeline_tag: str
    gated: bool
    private: bool
    tags: tuple[str, ...]


def look(repo_id: str, revision: str = "main") -> Repository:
    """Ask the Hub. Raises ``NotAvailable`` where it cannot be asked, knows no such thing, or answers nonsense."""
    what = repo_id if revision == "main" else f"{repo_id} at {revision}"
    answer = get_json(f"/api/models/{repo_id}/revision/{quote(revision, safe='')}", {"blobs": "true"}, what)
    repository = parse(answer)
    if repository is None or (is_commit(revision) and repository.revision != revision):
        raise NotAvailable(
            f"{endpoint()} answered for {what} with something that is no listing of it.", "Check HF_ENDPOINT."
        )
    return repository


def parse(answer: Any) -> Repository | None:
    """Take a listing apart, which anybody may have written; None where it is none. A file without a name, size or id
    that can be is left out: it cannot be fetched.
    """
    if not isinstance(answer, dict) or not _is(answer.get("sha"), is_commit) or not _is(answer.get("id"), is_repo_id):
        return None
    listed = answer.get("siblings")
    files = map(_file, listed if isinstance(listed, list) else [])
    card = answer.get("cardData")
    tags = answer.get("tags")
    return Repository(
        answer["id"],
        answer["sha"],
        {file.path: file for file in files if file},
        _licence(card if isinstance(card, dict) else {}),
        _text(answer.get("library_name")),
        _text(answer.get("pipeline_tag")),
        bool(answer.get("gated")),
        bool(answer.get("private")),
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _file(entry: Any) -> RemoteFile | None:
    if not isinstance(entry, dict):
        return None
    path, lfs = entry.get("rfilename"), entry.get("lfs")
    stored = lfs if isinstance(lfs, dict) else entry
    size, sha256, blob = stored.get("size"), stored.get("sha256", "") if stored is lfs else "", entry.get("blobId")
    if not _is(path, lambda name: name.isprintable() and not leaves_folder(name)) or not _is(blob, is_commit):
        return None
    if type(size) is not int or not 0 <= size < 2**63 or (stored is lfs and not _is(sha256, _is_sha256)):
        return None
    return RemoteFile(str(path), size, str(sha256), str(blob))


def _licence(card: dict[str, Any]) -> str | None:
    declared = card.get("license")
    if not isinstance(declared, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,60}", declared):
        return None
    if declared == "other":
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", _text(card.get("license_name"))).strip("-")
        return f"LicenseRef-{name or 'other'}"
    return None if declared == "unknown" else SPDX.get(declared, declared)


SPDX = {
    "mit": "MIT", "apache-2.0": "Apache-2.0", "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause", "cc0-1.0": "CC0-1.0", "cc-by-4.0": "CC-BY-4.0", "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0", "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0", "cc-by-sa-3.0": "CC-BY-SA-3.0",
    "gpl-3.0": "GPL-3.0-only", "agpl-3.0": "AGPL-3.0-only", "lgpl-3.0": "LGPL-3.0-only", "mpl-2.0": "MPL-2.0",
    "isc": "ISC", "unlicense": "Unlicense", "wtfpl": "WTFPL", "zlib": "Zlib", "bsl-1.0": "BSL-1.0",
}  # fmt: skip
"""The Hub's names for licences that SPDX has, as SPDX writes them; any other name is kept as it is."""


def _is(value: Any, accepts: Any) -> bool:
    return isinstance(value, str) and accepts(value)


def _is_sha256(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def _text(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""
