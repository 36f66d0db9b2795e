"""Who may ask: an API key, and the names under which a browser may reach a server on this machine."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
from collections.abc import Mapping

from aigc_core.errors import WrongUse
from aigc_core.serve.faults import Fault

VARIABLE = "AIGC_ZOO_API_KEY"
MAX_BYTES = 4096


def read_key(path: str | None) -> str:
    """Return the API key: the file's content, or that of ``AIGC_ZOO_API_KEY``; empty where neither is given.

    It never comes from the command line, which every user of the machine can read. Raises ``WrongUse`` where the file
    cannot be read, or holds no one line of ASCII, which is what a header can carry.
    """
    if path is None:
        key, where = os.environ.get(VARIABLE, "").strip(), VARIABLE
        if not key:
            return ""
    else:
        where = path
        try:
            with open(path, "rb") as stream:
                key = stream.read(MAX_BYTES + 1).decode("latin-1").strip()
        except OSError as error:
            raise WrongUse(f"Cannot read the API key in {path}: {(error.strerror or str(error)).lower()}.") from error
    if not 0 < len(key) <= MAX_BYTES or not key.isascii() or not key.isprintable() or " " in key:
        raise WrongUse(f"{where} holds no API key: one word of printable ASCII.")
    return key


def check_key(key: str, headers: Mapping[str, str]) -> None:
    """Raise ``Fault`` 401 unless the request carries the key, compared in a time that says nothing of it."""
    if not key:
        return
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise Fault(401, "This server wants an API key: Authorization: Bearer KEY.", code="missing_api_key")
    digests = [hashlib.sha256(word.encode("latin-1", "replace")).digest() for word in (given.strip(), key)]
    if not hmac.compare_digest(*digests):
        raise Fault(401, "The API key is not the one that this server knows.", code="invalid_api_key")


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a server that listens at ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_host(host: str, headers: Mapping[str, str]) -> None:
    """Raise ``Fault`` 403 where a server on loopback is asked under a name that is not this machine's.

    A page in a browser can point a name of its own at 127.0.0.1 (DNS rebinding) and would then count as the same
    origin; the Host header still has that name.
    """
    if not is_loopback(host):
        return  # reached by names that it cannot know, and guarded by its key
    given = headers.get("host", "")
    name = given[: given.find("]") + 1] if given.startswith("[") else given.partition(":")[0]
    if not is_loopback(name.strip("[]").lower()):
        raise Fault(403, f"This server answers to localhost alone, not to {given[:100] or 'no name'}.", code="bad_host")
