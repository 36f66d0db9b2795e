"""What a request may cost before a model sees it: bytes, seconds, and the depth of its JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from aigc_core.serve.faults import Fault
from aigc_core.serve.wire import Wire

MAX_DEPTH = 16
"""Objects and arrays inside one another; OpenAI's own requests have four."""


class Limits(NamedTuple):
    """What one request may ask for."""

    body: int = 1_000_000
    """Bytes of a request's body."""
    tokens: int = 4096
    """New tokens of one text."""
    seconds: float = 30.0
    """From the request's head to the end of its body."""


async def read_object(wire: Wire, limits: Limits) -> dict[str, Any]:
    """Read a request's body and return the JSON object that it holds.

    Raises ``Fault``: 415 for another type of content, 413 for too large a body, as soon as that shows, 408 for one
    that takes too long, 400 for what is no JSON object; ``Gone`` where the client leaves.
    """
    kind = wire.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # a browser lets any page send other types here, without asking the server first
        raise Fault(415, f"The body must be application/json, this one is {kind[:100] or 'of no type'}.")
    if wire.headers.get("content-encoding", "identity") != "identity":
        raise Fault(415, "The body must not be compressed.")
    length = wire.headers.get("content-length", "")
    if length.isdigit() and (len(length) > 15 or int(length) > limits.body):
        raise _too_large(limits)
    try:
        return parse(await asyncio.wait_for(_read(wire, limits), limits.seconds))
    except asyncio.TimeoutError:  # not the builtin one before Python 3.11
        raise Fault(408, f"The body did not arrive within {limits.seconds:g} seconds.", code="timeout") from None


async def _read(wire: Wire, limits: Limits) -> bytes:
    data = bytearray()
    while (part := await wire.part()) is not None:
        data += part
        if len(data) > limits.body:
            raise _too_large(limits)
    return bytes(data)


def _too_large(limits: Limits) -> Fault:
    return Fault(413, f"The body is larger than {limits.body:,} bytes, which this server takes at most.")


def parse(data: bytes) -> dict[str, Any]:
    """Return the JSON object in ``data``. Raises ``Fault`` 400 for anything else, half a surrogate pair included."""
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refuse)
        if b"\\u" in data:
            json.dumps(document, ensure_ascii=False).encode("utf-8")  # or no answer could quote it
    except UnicodeDecodeError as error:
        raise Fault(400, f"The body is not UTF-8 text (byte {error.start}).") from None
    except UnicodeEncodeError:
        raise Fault(400, "The body has half a surrogate pair, which is no character.") from None
    except json.JSONDecodeError as error:
        raise Fault(400, f"The body is no JSON: {error.msg.lower()} (line {error.lineno}).") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # NaN, a number of thousands of digits
        raise Fault(400, f"The body is no JSON: {error}.") from None
    if not isinstance(document, dict):
        raise Fault(400, "The body is no JSON object.")
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise _too_deep()
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"it has no {constant}")


def _too_deep() -> Fault:
    return Fault(400, f"The body is nested more than {MAX_DEPTH} levels deep.")


def _depth(document: dict[str, Any]) -> int:
    """Return how deep a document is nested, and stop at the first place beyond ``MAX_DEPTH``."""
    parts: list[Iterator[Any]] = [iter([document])]
    deepest = 0
    while parts and deepest <= MAX_DEPTH:
        for value in parts[-1]:
            if isinstance(value, (dict, list)):
                deepest = max(deepest, len(parts))
                parts.append(iter(value.values() if isinstance(value, dict) else value))
                break
        else:
            parts.pop()
    return deepest
