"""What the server says when it cannot do what was asked: a status, and OpenAI's JSON of an error."""

from __future__ import annotations

from typing import Any

from aigc_core.errors import WrongUse, ZooError

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
RETRY_SECONDS = 1
"""After how long a client that met a full queue is told to ask again."""


class Fault(Exception):
    """An answer that is no text: ``status`` is HTTP's, ``param`` the field at fault, ``code`` a word for programs."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, allow: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code, self.allow = status, message, param, code, allow

    def body(self) -> dict[str, Any]:
        """Return the error as OpenAI's clients read it."""
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """Return the headers that HTTP wants beside the status."""
        if self.status == 401:
            return {"www-authenticate": "Bearer"}
        if self.status in (429, 503):
            return {"retry-after": str(RETRY_SECONDS)}
        return {"allow": self.allow} if self.allow else {}


def from_error(error: BaseException) -> Fault:
    """Return what a client is told of an error that its request caused: all of a ``WrongUse``, which is its own."""
    if isinstance(error, Fault):
        return error
    return Fault(400, f"{error} {error.hint}".rstrip()) if isinstance(error, WrongUse) else failed(error)


def failed(error: BaseException) -> Fault:
    """Return what a client is told of an error that is not its own: that it happened, and no word of the text."""
    if isinstance(error, MemoryError):
        return Fault(503, "The server has not enough memory for this now.", code="overloaded")
    return Fault(500, "The model failed at this request; the server's own output says why.", code="model_failed")


def reported(error: BaseException) -> str:
    """Return the sentence that the server's own output has of an error."""
    said = " ".join(str(error).split())[:500]
    return said if isinstance(error, ZooError) else f"{type(error).__name__}: {said}"
