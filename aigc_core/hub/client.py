"""The one place that talks to the Hub, through its own client; every failure ends as one error with its cause.

The HTTP library below is httpx in the client's 1.x and httpx2 in 2.x; neither is imported, so both work.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from aigc_core import __version__, interrupt
from aigc_core.errors import NotAvailable, Refused, ZooError
from aigc_core.hub.cache import offline

Result = TypeVar("Result")

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt: about what a restart of a server takes. Then the user decides."""
PATIENCE = 60.0
"""The longest ``Retry-After`` that is waited for, in seconds."""


class Head(NamedTuple):
    """What the Hub says of one file before it is fetched."""

    etag: str
    size: int | None
    commit: str
    location: str


class BadAnswer(Exception):
    """The server behind a file's link answered otherwise than it should; ``status`` is what it said."""

    def __init__(self, text: str, status: int = 0, headers: Any = None) -> None:
        super().__init__(text)
        self.status_code, self.headers = status, headers or {}


def endpoint() -> str:
    """Return the Hub's address: ``HF_ENDPOINT``, or the public one."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def get_json(route: str, params: Mapping[str, Any], what: str) -> Any:
    """Return the answer of an API route (``/api/models/...``). Raises ``ZooError``; ``what`` is asked for."""

    def ask() -> Any:
        from huggingface_hub import constants
        from huggingface_hub.utils import get_session, hf_raise_for_status

        response = get_session().get(
            endpoint() + route, params=params, headers=_headers(), timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT
        )
        hf_raise_for_status(response)
        try:
            return response.json()
        except (ValueError, RecursionError):
            text = f"{endpoint()} answered for {what} with something that is no JSON."
            raise NotAvailable(text, "Check HF_ENDPOINT and the proxy, then try again.") from None

    return retrying(ask, what)


def head(repo_id: str, revision: str, name: str) -> Head:
    """Ask where a file is, and what its etag and size are. Raises what the client raises."""
    from huggingface_hub import constants, get_hf_file_metadata

    found = get_hf_file_metadata(
        f"{endpoint()}/{quote(repo_id)}/resolve/{revision}/{quote(name)}",
        headers=_headers(),
        timeout=constants.HF_HUB_ETAG_TIMEOUT,
        endpoint=endpoint(),
    )
    if not found.commit_hash or not found.etag:
        raise NotAvailable(
            f"{endpoint()} answered for {repo_id} as no Hub does (it names no commit or etag).",
            "Check HF_ENDPOINT and the proxy, then try again.",
        )
    return Head(found.etag, found.size, found.commit_hash, found.location)


@contextmanager
def stream(location: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Open a file at byte ``start``; give the byte that the answer really starts at, and its pieces.

    The token goes to the Hub only, never to the storage that it sends us on to. Raises what the HTTP library raises,
    and ``BadAnswer``.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    if urlsplit(location)[:2] == urlsplit(endpoint())[:2]:
        headers = _headers() | headers
    with get_session().stream("GET", location, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response:
        if response.status_code not in (200, 206):
            raise BadAnswer(f"the answer was {response.status_code}", response.status_code, response.headers)
        at = start if response.status_code == 206 else 0
        if at and not response.headers.get("Content-Range", f"bytes {at}-").startswith(f"bytes {at}-"):
            raise BadAnswer("the answer starts at another byte than it was asked for")
        yield at, response.iter_bytes()


def retrying(attempt: Callable[[], Result], what: str, progress: Callable[[], int] = lambda: 0) -> Result:
    """Try until it works, or until a failure that no further attempt mends, or too many in a row without progress.

    ``progress`` tells how far the last attempts came; any advance starts the count again. Raises ``ZooError``.
    """
    failed, reached = 0, progress()
    while True:
        try:
            return attempt()
        except ZooError:
            raise
        except Exception as error:
            if progress() > reached:  # further than ever: a server that starts anew each time could go on for ever
                failed, reached = 0, progress()
            pause = _pause(error, failed)
            if pause is None:
                raise explain(error, what) from error
            failed += 1
            time.sleep(pause)
            interrupt.check()


def explain(error: BaseException, what: str) -> ZooError:
    """Return the one error that a failure of the client ends in; ``what`` was asked for, such as ``ORG/NAME``."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, ZooError):
        return error
    if "OfflineModeIsEnabled" in kinds:
        return NotAvailable(f"{what} was not asked for: HF_HUB_OFFLINE is set.", "Unset it and try again.")
    for kind, (text, hint) in _KNOWN.items():
        if kind in kinds:
            return NotAvailable(f"{text.format(what=what)}.", hint)
    status = _status(error)
    if isinstance(error, BadAnswer) and status:
        text = f"The storage behind the Hub answered {status} for {what}."
        return NotAvailable(text, "Try again later; what has come is kept.")
    if status in (401, 403):
        return NotAvailable(
            f"The Hub refused the request for {what} ({status}).",
            "Is HF_TOKEN, or the stored login, a valid token? Renew it, or unset it for a public repository.",
        )
    if status == 429:
        return NotAvailable(f"The Hub asks for fewer requests (429), for {what}.", _later(error))
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return NotAvailable(f"There is no space for {what}.", "Free some, and try again.")
    if status:
        return NotAvailable(f"The Hub answered {status} for {what}.", "Try again later; what has come is kept.")
    cause = " ".join(str(error).split())[:200] or type(error).__name__
    if kinds & _NETWORK:
        cause = "the answer did not come in time" if "TimeoutException" in kinds else cause.rstrip(".")
        hint = f"Check the connection to {endpoint()} and try again; what has come is kept."
        return NotAvailable(f"{what} could not be fetched: {cause}.", hint)
    if isinstance(error, OSError):
        return NotAvailable(f"{what} could not be fetched: {(error.strerror or cause).lower()}.", "Try again.")
    return NotAvailable(f"{what} could not be fetched: {type(error).__name__}: {cause.rstrip('.')}.", "See --debug.")


def wrong_bytes(what: str, detail: str) -> Refused:
    """Return the error for a file that the Hub sends otherwise than it is pinned."""
    return Refused(
        f"{what} is not what its manifest pins: {detail}. It was not kept.",
        "Try later; if it stays so, somebody changed the file, or the pin is wrong: aigc-zoo pin shows that.",
    )


_KNOWN = {
    "GatedRepoError": (
        "Access to {what} is gated",
        "Ask for access on its page, log in with `hf auth login` or set HF_TOKEN, and try again.",
    ),
    "RevisionNotFoundError": ("The revision of {what} is not on the Hub", "Name one that is: ORG/NAME@REVISION."),
    "EntryNotFoundError": ("{what} is not in the repository at this revision", "aigc-zoo pin shows what is there."),
    "RepositoryNotFoundError": (
        "{what} is not on the Hub, or is private",
        "Check the name; for a private one log in with `hf auth login` or set HF_TOKEN.",
    ),
    "DisabledRepoError": ("{what} has been disabled by the Hub", "Its page says why."),
    "TooManyRedirects": ("{what} is redirected without end", "Check HF_ENDPOINT and the proxy, then try again."),
    "UnsupportedProtocol": ("{what} is redirected to something that is no web address", "Check HF_ENDPOINT."),
    "InvalidURL": ("{what} is redirected to something that is no web address", "Check HF_ENDPOINT."),
}
_NETWORK = {"TransportError", "BadAnswer", "ConnectionError", "TimeoutError", "StreamError"}
_TRANSIENT = {"NetworkError", "TimeoutException", "RemoteProtocolError", "ProxyError", "BadAnswer", "ConnectionError"}


def _pause(error: Exception, failed: int) -> float | None:
    """Return the seconds to wait before trying again, or None where that would not help."""
    kinds, status = {kind.__name__ for kind in type(error).__mro__}, _status(error)
    if kinds & (_KNOWN.keys() | {"OfflineModeIsEnabled"}) or failed >= len(PAUSES):
        return None
    if "ConnectError" in kinds and failed >= 2:  # nobody is there: it is the address or the cable
        return None
    asked = _retry_after(error)
    if asked is not None and (status == 429 or status >= 500):
        return asked if asked <= PATIENCE else None
    expired = status == 403 and isinstance(error, BadAnswer)  # a signed link has run out; the next one is fresh
    if status in (408, 429) or status >= 500 or expired or (not status and kinds & _TRANSIENT):
        return PAUSES[failed]
    return None


def _status(error: BaseException) -> int:
    status = getattr(getattr(error, "response", error), "status_code", 0)
    return status if isinstance(status, int) else 0


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", error), "headers", None) or {}
    value = str(headers.get("Retry-After") or "")
    return float(value) if value.isdecimal() and len(value) < 9 else None


def _later(error: BaseException) -> str:
    seconds = _retry_after(error)
    return f"Try again in {seconds:.0f} s." if seconds else "Try again later, or log in: the limits are higher then."


def _headers() -> dict[str, str]:
    from huggingface_hub.utils import build_hf_headers

    if offline():
        raise NotAvailable("HF_HUB_OFFLINE is set, so nothing is asked of the Hub.", "Unset it and try again.")
    headers: dict[str, str] = build_hf_headers(library_name="aigc-zoo", library_version=__version__)
    return headers
