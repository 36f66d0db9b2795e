"""What a name means in the cache: a model of ours, or a repository with or without a revision."""

from __future__ import annotations

import os

from aigc_core import registry
from aigc_core.errors import WrongUse, did_you_mean
from aigc_core.hub.cached.contents import Contents, Repository, commit_of
from aigc_core.manifest.model import leaves_folder

_SEE = "See: aigc-zoo cache list"


def named(name: str, contents: Contents) -> tuple[Repository, str]:
    """Return the repository that a name means, and the commit; that is empty where all of the repository is meant.

    The name is a model's, which means the revision that its manifest pins, or ``[hf:]ORG/NAME[@REVISION]``, where
    the revision is a commit, the start of one, or a branch or tag. Raises ``WrongUse`` where the cache has no such.
    """
    known = {repository.repo_id: repository for repository in contents.repositories}
    repo_id, _, revision = name.removeprefix("hf:").partition("@")
    if name.startswith("hf:") or "/" in repo_id:
        if repo_id not in known:
            raise WrongUse(f"Nothing of {repo_id} is in the cache.{did_you_mean(repo_id, [*known])}", _SEE)
        return known[repo_id], _commit(known[repo_id], revision) if revision else ""
    entries = registry.entries()
    if name not in [each for entry in entries for each in (entry.id, entry.qualified)]:
        near = did_you_mean(name, [*known, *(entry.id for entry in entries)])
        raise WrongUse(f"No model {name} is known.{near}", f"A repository is named ORG/NAME. {_SEE}")
    entry = registry.find(name)
    if entry.manifest is None or entry.manifest.source != "hub":
        why = "its manifest cannot be used" if entry.manifest is None else "its files came with its plugin"
        raise WrongUse(f"Nothing of {name} is in the cache: {why}.", _SEE)
    repo_id, commit = entry.manifest.repo_id, entry.manifest.revision
    if not commit:
        raise WrongUse(f"The manifest of {name} pins no revision.", f"Name the repository: {repo_id}@REVISION.")
    if repo_id not in known or commit not in [revision.commit for revision in known[repo_id].revisions]:
        text = f"Nothing of {name} ({repo_id}@{commit[:8]}) is in the cache."
        raise WrongUse(text, f"{_SEE}; to fetch it: aigc-zoo pull {name}")
    return known[repo_id], commit


def _commit(repository: Repository, revision: str) -> str:
    commits = [each.commit for each in repository.revisions]
    if not leaves_folder(revision):
        branch = commit_of(os.path.join(repository.folder, "refs", *revision.split("/")))
        if branch in commits:
            return branch
    near = [commit for commit in commits if commit.startswith(revision)]
    if len(near) == 1:
        return near[0]
    there = ", ".join(commit[:8] for commit in near or commits) or "none"
    count = "more than one revision" if near else "no revision"
    raise WrongUse(f"The cache has {count} {revision} of {repository.repo_id}; there: {there}.", _SEE)
