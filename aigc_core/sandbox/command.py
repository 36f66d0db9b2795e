"""The command line of the first process of a sandbox, which starts the command that is asked for."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from aigc_core.sandbox import bubblewrap, landlock, tree
from aigc_core.sandbox.choose import Backend
from aigc_core.sandbox.limits import Limits, View

_SYSTEM = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/sys/devices/system/cpu",
]
_DEVICES = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]
_FACTS = ["/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/sys/vm/overcommit_memory"]


def own() -> list[str]:
    """Return what the first process needs to read: this Python and this package."""
    here = os.path.dirname(os.path.abspath(__file__))
    package = os.path.join(os.path.dirname(here), "__init__.py")
    return [sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), here, package]


def first_process(
    command: list[str], view: View, limits: Limits, backend: Backend, user: int, status: int
) -> list[str]:
    """Return the words of the first process: under bubblewrap that is what this runs.

    ``user`` is who the command becomes, 0 for whoever this is; ``status`` the file descriptor that hears of the end.
    """
    asked: dict[str, Any] = {
        "command": command,
        "environment": view.whole_environment,
        "folder": view.home,
        "rlimits": limits.rlimits(),
        "user": user,
        "status": status,
        "files": None,
        "filtered": backend.name != "none",
    }
    if backend.name != "bubblewrap" and not user:  # the kernel counts all that this user has
        asked["rlimits"]["RLIMIT_NPROC"] += tree.tasks_of(os.geteuid())
    if backend.name == "landlock":
        readable = [*_SYSTEM, *_FACTS, *_DEVICES[1:], *view.readable]
        writable = [view.home, view.out, _DEVICES[0]]
        asked["files"] = {"readable": readable, "writable": writable, "abi": landlock.abi()}
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    start = f"import sys; sys.path.insert(0, {here!r}); from aigc_core.sandbox.inside import main; main()"
    first = [sys.executable, "-I", "-S", "-c", start, json.dumps(asked)]
    return [*bubblewrap.arguments(view, limits), *first] if backend.name == "bubblewrap" else first
