"""What the Hub answers when it refuses."""

from __future__ import annotations


class HubError(Exception):
    """A refusal: its status, the code in ``X-Error-Code``, the message, and further headers."""

    def __init__(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {"X-Error-Message": message.encode("ascii", "replace").decode(), **headers}
        if code:
            self.headers["X-Error-Code"] = code
