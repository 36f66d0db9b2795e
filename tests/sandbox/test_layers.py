"""Each layer by itself: what one of them holds, another may hold too, and would hide that it is gone."""

import itertools
import json
import os
import struct

import pytest

from aigc_core.sandbox import bubblewrap, inside, landlock, seccomp
from aigc_core.sandbox.choose import Backend
from aigc_core.sandbox.command import first_process
from aigc_core.sandbox.limits import MEGA, Limits, View

VIEW = View(("/opt/code", "/opt/weights"), "/tmp/box", {"A": "b"}, ("/opt/weights/answer",))
DENIED = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd unshare setns mount umount2 pivot_root chroot
    open_tree move_mount fsopen fsmount mount_setattr open_by_handle_at bpf perf_event_open userfaultfd keyctl
    add_key request_key io_uring_setup io_uring_enter io_uring_register init_module finit_module delete_module
    kexec_load kexec_file_load reboot swapon swapoff acct settimeofday clock_settime adjtimex clock_adjtime
    sethostname setdomainname syslog quotactl fanotify_init memfd_create memfd_secret shmget shmat msgget
    semget mq_open sendmsg sendmmsg bind listen setsockopt
"""
METADATA = """
    chmod fchmodat fchmodat2 chown lchown fchownat utime utimes futimesat utimensat setxattr lsetxattr removexattr
    lremovexattr
"""


def pairs(words):
    return list(itertools.pairwise(words))


@pytest.fixture
def words(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return bubblewrap.arguments(VIEW, Limits(scratch_mb=7))


@pytest.mark.parametrize(
    "flag",
    [
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv",
    ],
)  # fmt: skip
def test_bubblewrap_is_given_each_flag(words, flag):
    assert words.count(flag) == 1


def test_bubblewrap_is_given_each_mount_and_right(words):
    found, mounts = pairs(words), list(zip(words, words[1:], words[2:], strict=False))
    assert ("--cap-drop", "ALL") in found
    assert "--cap-add" not in words
    assert words.count("--bind") == 1  # all that can be written to, but for memory
    assert ("--bind", VIEW.out, VIEW.out) in mounts
    assert {("--remount-ro", "/"), ("--remount-ro", "/dev"), ("--proc", "/proc"), ("--dev", "/dev")} < {*found}
    assert all(("--ro-bind", path, path) in mounts for path in VIEW.readable)
    assert ("--ro-bind", "/dev/null", "/opt/weights/answer") in mounts
    sized = [words[at - 2 : at + 2] for at, word in enumerate(words) if word == "--tmpfs"]
    assert sorted(sized) == [["--size", str(7 * MEGA), "--tmpfs", to] for to in ("/dev/shm", "/tmp", "/tmp/box/home")]


def test_root_keeps_what_it_needs_to_become_another_user_and_no_more(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = pairs(bubblewrap.arguments(VIEW, Limits()))
    assert [right for flag, right in found if flag == "--cap-add"] == ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"]


@pytest.mark.parametrize("name", [*DENIED.split(), *METADATA.split()])
def test_the_filter_refuses_each_call(name):
    table = seccomp._DENIED if name in DENIED.split() else seccomp._METADATA
    number = table[name][0] or table[name][1]
    step = struct.pack("<HBBI", 0x15, 0, 1, number)
    assert step in seccomp.program("x86_64" if table[name][0] else "aarch64", True)


def test_each_limit_of_the_kernel():
    limits = Limits(cpu_s=7, memory_mb=100, tasks=9, file_mb=3, open_files=50)
    assert limits.rlimits() == {
        "RLIMIT_CPU": 7, "RLIMIT_DATA": 1224 * MEGA, "RLIMIT_FSIZE": 3 * MEGA, "RLIMIT_NPROC": 25,
        "RLIMIT_NOFILE": 50, "RLIMIT_CORE": 0, "RLIMIT_MSGQUEUE": 0,
    }  # fmt: skip


def test_landlock_is_asked_for_everything_that_it_knows(monkeypatch):
    asked = []
    monkeypatch.setattr(
        landlock, "_call", lambda number, *given: asked.append((number, given)) or os.open("/", os.O_PATH)
    )
    landlock.restrict(["/usr"], ["/tmp"], 7)
    assert [number for number, _ in asked] == [444, 445, 445, 446]
    assert struct.unpack("<QQQ", asked[0][1][0].raw) == ((1 << 16) - 1, 0b11, 0b11)
    rights = [struct.unpack("<Qi", given[2].raw)[0] for number, given in asked if number == 445]
    assert rights == [0b1101, ((1 << 16) - 1) & ~(1 << 6 | 1 << 11)]


@pytest.mark.parametrize(("backend", "filtered"), [("bubblewrap", True), ("landlock", True), ("none", False)])
def test_what_the_first_process_is_told(backend, filtered):
    told = json.loads(first_process(["/bin/true"], VIEW, Limits(), Backend(backend, "", ()), 1234, 9)[-1])
    assert (told["filtered"], told["user"], bool(told["files"])) == (filtered, 1234, backend == "landlock")
    assert told["environment"]["HOME"] == VIEW.home
    assert "PYTHONSTARTUP" not in told["environment"]


@pytest.mark.parametrize("backend", ["bubblewrap", "landlock"])
def test_the_command_gives_up_each_right_in_this_order(monkeypatch, backend):
    """Limits first, for they need rights; the filter last, for it forbids what the others do."""
    done = []

    class Done(BaseException):
        pass

    def end(*given):
        raise Done

    def note(name):
        return lambda *given, **named: done.append((name, *given, *named.values()))

    monkeypatch.setattr(inside.signal, "signal", note("signal"))
    for name in ("setsid", "setgroups", "setresgid", "setresuid", "nice", "chdir"):
        monkeypatch.setattr(inside.os, name, note(name))
    monkeypatch.setattr(inside.os, "close", note("close"))
    monkeypatch.setattr(inside.os, "execve", note("execve"))
    monkeypatch.setattr(inside.os, "_exit", end)
    monkeypatch.setattr(inside.resource, "getrlimit", lambda which: (-1, -1))
    monkeypatch.setattr(inside.resource, "setrlimit", note("setrlimit"))
    monkeypatch.setattr(inside.seccomp, "no_new_privileges", note("no_new_privileges"))
    monkeypatch.setattr(inside.seccomp, "apply", note("apply"))
    monkeypatch.setattr(inside.landlock, "restrict", note("restrict"))
    files = {"readable": ["/usr"], "writable": ["/tmp"], "abi": 7} if backend == "landlock" else None
    asked = {"status": 9, "rlimits": {"RLIMIT_CPU": 5, "RLIMIT_CORE": 0}, "user": 1234, "folder": "/", "files": files}
    asked |= {"filtered": True, "command": ["/bin/true"], "environment": {}}
    inside._become(asked)
    names = [name for name, *_ in done]
    tail = ["restrict", "apply"] if files else ["apply"]
    assert names == [
        "signal", "close", "setsid", "setrlimit", "setrlimit", "setgroups", "setresgid", "setresuid", "nice", "chdir",
        "no_new_privileges", *tail, "execve",
    ]  # fmt: skip
    assert done[1] == ("close", 9)
    assert ("setgroups", []) in done
    assert done[-2] == ("apply", bool(files))
