"""Every error that a user, a file, a network or a plugin can cause, with the exit code that it ends in."""

from __future__ import annotations


class ZooError(Exception):
    """Says what happened and to what; ``hint`` is the next command or step, where there is one."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class CheckFailed(ZooError):
    """A check ran and its answer is no."""

    exit_code = 1


class WrongUse(ZooError):
    """What was typed or passed cannot be meant."""

    exit_code = 2


class NotAvailable(ZooError):
    """A plugin, weights, a device or disk space is missing here."""

    exit_code = 3


class Refused(ZooError):
    """A hash, a licence, a policy or the sandbox says no."""

    exit_code = 4


INTERRUPTED = 130


def counted(number: int, thing: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def did_you_mean(word: str, known: list[str]) -> str:
    """Return `` Did you mean X?`` where a known name is near ``word``, else an empty string."""
    import difflib

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""
