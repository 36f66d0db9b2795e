"""The first process inside: starts the command under its limits, waits for it, and leaves nothing behind.

It is process 1 of its own namespace under bubblewrap, so that the command cannot signal it and everything dies with it;
under Landlock it adopts what the command leaves behind. It never runs the command's own code.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

from aigc_core.sandbox import landlock, seccomp, tree

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36

_NICER = 5
"""So much lower than the watch's is the command's priority: on a busy machine too the watch comes in time."""
_LAST_S = 2
"""Seconds from SIGXCPU, which tells a process why it ends, to SIGKILL."""


def main() -> None:
    """Run what the first argument says, as JSON, and write how it ended to the file descriptor that it names."""
    asked = json.loads(sys.argv[1])
    control = ctypes.CDLL(None).prctl
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, nobody would hear what children have computed
    for option, value in ((_PR_SET_PDEATHSIG, signal.SIGTERM), (_PR_SET_DUMPABLE, 0), (_PR_SET_CHILD_SUBREAPER, 1)):
        control(option, ctypes.c_ulong(value), 0, 0, 0)
    child = os.fork()
    if not child:
        _become(asked)
    try:
        status = _wait_for(child)
    except _Stopped:
        status = signal.SIGKILL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    left = _end_rest()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = {"status": status, "left": left, "cpu_s": round(used.ru_utime + used.ru_stime, 3)}
    os.write(asked["status"], json.dumps(said).encode())
    os._exit(0)


class _Stopped(BaseException):
    """Whoever started this is gone, or wants no more of it."""


def _stop(number: int, frame: object) -> None:
    raise _Stopped


def _become(asked: dict[str, Any]) -> None:
    """Give up every right, then execute the command; nothing comes back from here."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(asked["status"])
        os.setsid()
        for name, most in asked["rlimits"].items():
            hard = resource.getrlimit(getattr(resource, name))[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            last = most + _LAST_S if name == "RLIMIT_CPU" and hard == resource.RLIM_INFINITY else most
            resource.setrlimit(getattr(resource, name), (most, last))
        if user := asked["user"]:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        os.nice(_NICER)
        os.chdir(asked["folder"])
        seccomp.no_new_privileges()
        if files := asked["files"]:
            own = [f"/proc/{os.getpid()}"]
            landlock.restrict([*files["readable"], *own], files["writable"], files["abi"])
        if asked["filtered"]:
            seccomp.apply(metadata=bool(asked["files"]))
        os.execve(asked["command"][0], asked["command"], asked["environment"])  # noqa: S606 - a list, no shell
    except BaseException as error:
        print(f"the sandbox could not be entered: {error}", file=sys.stderr, flush=True)
        os._exit(tree.NOT_ENTERED)


def _wait_for(child: int) -> int:
    while True:  # whatever else ends is reaped on the way
        found, status = os.wait()
        if found == child:
            return status


def _end_rest() -> int:
    """Kill what the command has left running; return how many they were."""
    seen: set[int] = set()
    while rest := tree.below(os.getpid()):
        seen |= {each.pid for each in rest if not each.ended}
        for each in rest:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return len(seen)


if __name__ == "__main__":
    main()
