"""The messages of a chat request: who said what, as text."""

from __future__ import annotations

from typing import Any

from aigc_core.interfaces.language_model import Message
from aigc_core.serve.faults import Fault

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_READ_PAST = ("name", "refusal", "annotations")


def read_messages(value: Any) -> tuple[Message, ...]:
    """Return the turns of a conversation. Raises ``Fault`` 400 with the place of the first that is none."""
    if not isinstance(value, list) or not value:
        raise Fault(400, "messages is a list of at least one message.", param="messages", code="invalid_type")
    return tuple(_message(part, f"messages[{place}]") for place, part in enumerate(value))


def _message(value: Any, place: str) -> Message:
    if not isinstance(value, dict):
        raise Fault(400, f"{place} is no object.", param=place, code="invalid_type")
    role = value.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise Fault(400, f"{place}.role takes one of {', '.join(_ROLES)}.", param=f"{place}.role")
    for name, part in value.items():
        if part and name not in ("role", "content", *_READ_PAST):
            raise Fault(400, f"{place}.{name[:100]} is not supported.", param=place, code="unsupported_parameter")
    return Message(_ROLES[role], _content(value.get("content"), f"{place}.content"))


def _content(value: Any, place: str) -> str:
    """Return a message's text: a string, or the texts of a list of parts, one after another."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise Fault(400, f"{place} is a string or a list of parts.", param=place, code="invalid_type")
    for part in value:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise Fault(400, f'{place} takes parts {{"type": "text", "text": ...}} alone.', param=place)
    return "".join(part["text"] for part in value)
