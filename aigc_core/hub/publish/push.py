"""A folder in the Hub's layout onto the Hub: verified, nothing but the model's own files, in one commit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aigc_core import __version__, interrupt
from aigc_core.errors import NotAvailable, Refused, WrongUse, ZooError
from aigc_core.hub import cache, client
from aigc_core.hub.choose import MANIFEST
from aigc_core.hub.publish.errors import explained, status
from aigc_core.hub.publish.listing import listed, own_manifest
from aigc_core.hub.publish.outgoing import Outgoing, verified
from aigc_core.manifest.model import ModelManifest, is_repo_id

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

Result = TypeVar("Result")

PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each further attempt at a commit that another one came before, or that the Hub failed at."""


class Pushed(NamedTuple):
    """What a push came to."""

    url: str
    revision: str
    """The commit, 40 hexadecimal digits, that has the files."""
    changed: bool
    """False where the repository had these very files before, so that no commit was made."""
    private: bool


def push(folder: str, repo_id: str, *, private: bool = False, token: str | None = None) -> Pushed:
    """Bring a model's folder, as ``layout.export`` writes it, into a repository, which is made where there is none.

    Files that are no part of the model stay behind, and what else is in the repository stays there. Raises ``WrongUse``
    for a name that cannot be, ``Refused`` for a file that differs from its manifest, a model that is not to be
    published, a repository that is another's, and one that is public where ``private`` is asked for, ``NotAvailable``
    where nobody is logged in or the Hub cannot be reached.
    """
    check_target(repo_id)
    manifest = own_manifest(folder)
    check_terms(manifest)
    files = [verified(folder, file) for file in listed(folder, manifest)]
    api = _api(token or stored_token())
    try:
        return _commit(api, repo_id, _ready(api, repo_id, private), manifest.id, files)
    except ZooError:
        raise
    except Exception as error:  # the client's, the HTTP library's and what they let through have no common base
        raise explained(error, repo_id) from error


def check_target(repo_id: str) -> None:
    """Raise ``WrongUse`` for what cannot name a repository."""
    if not is_repo_id(repo_id):
        raise WrongUse(f"{repo_id} names no repository.", "Write ORGANISATION/NAME, such as me/dcgan-digits.")


def check_terms(manifest: ModelManifest) -> None:
    """Raise ``Refused`` for a model that is not ours to publish: somebody else's, or without a licence."""
    if manifest.source == "hub":
        raise someone_elses(manifest.id, manifest.repo_id)
    terms = manifest.document.get("terms")
    if not isinstance(terms, dict) or not terms.get("weights"):
        raise Refused(
            f"No licence is declared for the weights of {manifest.id}, so a push would publish what may not be yours.",
            "If it is, name one under terms.weights of its manifest.",
        )


def someone_elses(name: str, repo_id: str) -> Refused:
    """Return the error for a model whose files are on the Hub already."""
    return Refused(
        f"The files of {name} are those of {repo_id} on the Hub: a push would publish again what is not yours.",
        f"Others run it from where it is: aigc-zoo run hf:{repo_id}",
    )


def stored_token() -> str:
    """Return the token of ``HF_TOKEN`` or the stored login. Raises ``NotAvailable`` off line or without one."""
    from huggingface_hub import get_token

    if cache.offline():
        raise NotAvailable("HF_HUB_OFFLINE is set, so nothing is pushed.", "Unset it and try again.")
    token = get_token()
    if not token:
        raise NotAvailable(
            "Nobody is logged in to the Hub, so nothing is pushed.",
            "Set HF_TOKEN to a token that may write, or log in: hf auth login",
        )
    return token


def _api(token: str) -> HfApi:
    from huggingface_hub import HfApi

    if cache.offline():
        stored_token()
    return HfApi(endpoint=client.endpoint(), token=token, library_name="aigc-zoo", library_version=__version__)


def _ready(api: HfApi, repo_id: str, private: bool) -> ModelInfo:
    """Return the repository, made where there is none. Raises ``Refused`` where it is public and is not to be."""
    found = _look(api, repo_id)
    if found is None:
        _asked(lambda: api.create_repo(repo_id, private=private, exist_ok=True), repo_id)
        found = _look(api, repo_id)
    if found is None:
        raise Refused(f"{repo_id} exists, and this login may not see it.", "Choose another name.")
    if private and not found.private:
        raise Refused(
            f"{repo_id} exists and is public, so nothing was pushed.",
            "--private makes a new repository private; change this one in its settings on the Hub.",
        )
    return found


def _look(api: HfApi, repo_id: str) -> ModelInfo | None:
    """Return what the repository has on its main branch; None where there is none that this login may see."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    def ask() -> ModelInfo | None:
        try:
            return api.model_info(repo_id, revision="main", files_metadata=True)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return None

    return _asked(ask, repo_id)


def _asked(call: Callable[[], Result], repo_id: str) -> Result:
    """Call until it works or no further call helps. Raises ``ZooError``."""

    def attempt() -> Result:
        try:
            return call()
        except Exception as error:
            if status(error) in (401, 403):
                raise explained(error, repo_id) from error
            raise

    return client.retrying(attempt, repo_id)


def _commit(api: HfApi, repo_id: str, found: ModelInfo, name: str, files: list[Outgoing]) -> Pushed:
    """Send what the repository lacks, in one commit on top of the one that it was compared with."""
    url = f"{client.endpoint()}/{repo_id}"
    attempt = 0
    while True:
        there = {remote.rfilename: remote for remote in found.siblings or []}
        lacking = [file for file in files if file.path not in there or not file.is_there(there[file.path])]
        if not lacking:  # at a further attempt: the commit was made, and its answer did not arrive
            return Pushed(url, found.sha or "", attempt > 0, bool(found.private))
        title = f"{'Update' if MANIFEST in there else 'Add'} {name} with aigc-zoo {__version__}"
        operations = [file.operation() for file in lacking]
        try:
            done = api.create_commit(repo_id, operations, commit_message=title, parent_commit=found.sha)
            return Pushed(url, done.oid, True, bool(found.private))
        except Exception as error:
            if attempt == len(PAUSES) or not _may_pass(error):
                raise
        time.sleep(PAUSES[attempt])
        interrupt.check()
        attempt, found = attempt + 1, _look(api, repo_id) or found


def _may_pass(error: Exception) -> bool:
    """Say whether another attempt may work: another commit came first, or the Hub or the line failed at this one.

    What comes before the commit the client tries again by itself.
    """
    answer = status(error)
    if not answer:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        return bool(kinds & {"RemoteProtocolError", "ReadError", "ReadTimeout"})
    return answer == 412 or (answer >= 500 and "/commit/" in str(error))  # its text has the address
