"""A plugin's code, run so that whatever it raises names its distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aigc_core.errors import NotAvailable, ZooError
from aigc_core.registry import Entry


def guarded(entry: Entry, what: str, work: Callable[[], Any]) -> Any:
    """Run a plugin's code for a model; whatever it raises ends in ``NotAvailable`` with the distribution and cause."""
    try:
        return work()
    except (ZooError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise NotAvailable(f"{author(entry)} failed to {what} {entry.id}: {cause}.", "See --debug.") from error


def author(entry: Entry) -> str:
    """Return the distribution and version that a model's code comes from."""
    return f"{entry.plugin.distribution} {entry.plugin.version}" if entry.plugin else entry.origin
