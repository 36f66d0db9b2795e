"""Names of models that nobody lists: ``hf:ORG/NAME[@REVISION]`` and a path to a folder."""

from __future__ import annotations

import re
from typing import NamedTuple

from aigc_core.errors import WrongUse
from aigc_core.manifest.model import is_repo_id

PREFIX = "hf:"


class HubName(NamedTuple):
    """A repository, and the revision that was asked for: a commit, branch or tag; empty for what it is pinned to."""

    repo_id: str
    revision: str


def is_hub_name(text: str) -> bool:
    """Say whether a text names a repository on the Hub."""
    return text.startswith(PREFIX)


def is_folder(text: str) -> bool:
    """Say whether a text names a folder: ``./x``, ``../x``, ``/x``, ``~/x``, ``.``."""
    return text.startswith((".", "/", "~"))


def hub_name(text: str) -> HubName:
    """Take ``hf:ORG/NAME[@REVISION]`` apart. Raises ``WrongUse``."""
    repo_id, _, revision = text.removeprefix(PREFIX).partition("@")
    if not is_repo_id(repo_id) or ("@" in text and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,254}", revision)):
        raise WrongUse(f"{text} names no repository.", "Write hf:ORGANISATION/NAME or hf:ORGANISATION/NAME@REVISION.")
    return HubName(repo_id, revision)


def model_id(text: str) -> str:
    """Return a model id made from a repository's or folder's name: lower case, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:100].strip("-") or "model"
