"""A text that a user gives: from a file, or from the standard input; whatever is no text is refused in one sentence."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import Any

from aigc_core.cli.progress import say
from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.manifest.model import ModelManifest

STDIN = "-"
PROMPT_BYTES = 2_000_000
"""Some four times what the models with the longest contexts can hold."""
PATIENCE_S = 2.0
"""After so long without a word from a pipe, the user is told what is waited for."""


def read_text(path: str, limit: int) -> str:
    """Return the text in a file, or of the standard input for ``-``: UTF-8, without a byte order mark.

    Raises ``WrongUse`` where that is no text or has more than ``limit`` bytes, ``NotAvailable`` where it cannot be
    read.
    """
    name = "The standard input" if path == STDIN else path
    try:
        if path == STDIN:
            data = _stdin(limit)
        else:
            with open(path, "rb") as stream:
                data = stream.read(limit + 1)
    except (OSError, ValueError) as error:  # a null character in the name is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise NotAvailable(f"{name} cannot be read: {reason.lower()}.") from error
    return _decoded(name, data, limit)


def piped(limit: int) -> str | None:
    """Return what is piped or redirected into the program, None where that is nothing. Raises as ``read_text`` does.

    A pipe is read to its end, as any filter does.
    """
    try:
        number = sys.stdin.fileno()
        kind = os.fstat(number).st_mode
    except (AttributeError, OSError, ValueError):  # closed, or no file at all
        return None
    if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return None
    if os.name == "posix" and not select.select([number], [], [], PATIENCE_S)[0]:
        say("Waiting for a prompt on the standard input; without one, say </dev/null.")
    return read_text(STDIN, limit) or None


def given_prompt(
    text: str | None, path: str | None, options: dict[str, Any], manifest: ModelManifest
) -> dict[str, str]:
    """Return the option that the prompt is, wherever it was given; nothing where it was not, or is one already.

    Raises ``WrongUse`` where it is given twice or is no text, ``NotAvailable`` where it cannot be read.
    """
    given = {"PROMPT": text, "--prompt-file": path, "--prompt": options.get("prompt")}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise WrongUse(f"The prompt is given twice, by {' and by '.join(names)}: leave one out.")
    if text is not None:
        return {"prompt": text}
    if path is not None:
        return {"prompt": _without_line_end(read_text(path, PROMPT_BYTES))}
    wanted = not names and "prompt" in manifest.options.get("properties", {})
    text = piped(PROMPT_BYTES) if wanted else None
    return {} if text is None else {"prompt": _without_line_end(text)}


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\r\n") else text.removesuffix("\n")


def _stdin(limit: int) -> bytes:
    if sys.stdin is None:
        raise OSError(None, "it is closed")
    return sys.stdin.buffer.read(limit + 1)


def _decoded(name: str, data: bytes, limit: int) -> str:
    if len(data) > limit:
        raise WrongUse(f"{name} has more than {limit:,} bytes, which is the most that is taken here.")
    if b"\0" in data:
        raise WrongUse(f"{name} is no text: it has null bytes.", "It takes UTF-8 text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongUse(f"{name} is no UTF-8 text (byte {error.start:,}).", "It takes UTF-8 text.") from error
