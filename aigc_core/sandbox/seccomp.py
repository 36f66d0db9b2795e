"""A filter of system calls as classic BPF: what no model has any use for is refused, with an ordinary error.

Without it, isolation rests on namespaces or Landlock alone: neither counts memory that belongs to no process (memfd,
System V segments), and Landlock does not know sockets other than TCP. The structure is that of seccomp(2); numbers are
from the kernel's tables for the two machines that torch has Linux wheels for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* values."""

_DENIED: dict[str, tuple[int | None, int | None]] = {
    # name: (x86_64, aarch64); None where the machine has no such call
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442), "open_by_handle_at": (304, 265),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "syslog": (103, 116), "quotactl": (179, 60), "fanotify_init": (300, 262), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180),
    # What holds memory or open files where nobody counts them: queues of a socket, and larger ones than usual.
    "sendmsg": (46, 211), "sendmmsg": (307, 269), "bind": (49, 200), "listen": (50, 201), "setsockopt": (54, 208),
}  # fmt: skip

_METADATA: dict[str, tuple[int | None, int | None]] = {
    # what Landlock leaves open on every file of the same user
    "chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "removexattr": (197, 14),
    "lremovexattr": (198, 15),
}  # fmt: skip

_SOCKET, _CLONE, _CLONE3, _MMAP = (41, 198), (56, 220), (435, 435), (9, 222)
_SIGACTION, _PRCTL = (13, 134), (157, 167)
_NEW_NAMESPACE = 0x7E020000
"""CLONE_NEW* flags: user, mount, pid, net, ipc, uts, cgroup."""
_THREAD, _THREAD_AND_FILES = 0x10000, 0x10400
"""CLONE_THREAD, and with CLONE_FILES: a thread with open files of its own would have them out of sight."""
_CHILD_ENDED = 17
"""SIGCHLD: who ignores it has children whose computing counts against nobody once they have ended."""
_SET_DUMPABLE = 4
"""PR_SET_DUMPABLE: without it, an ordinary user's watch sees neither open files nor shared memory."""
_LOCAL = 1
"""AF_UNIX: name services and event loops ask for one; under bubblewrap nobody answers."""
_SHARED = 0x21
"""MAP_SHARED and MAP_ANONYMOUS together: memory that counts against no process's own limit."""
_LOAD, _AND, _EQUAL, _AT_LEAST, _SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_X32 = 0x40000000
"""Numbers from here on are other names of the same calls, and would walk around the table."""
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT, _FOURTH_ARGUMENT = 0, 4, 16, 24, 40
"""Offsets in struct seccomp_data; both machines are little-endian, so the lower half of an argument is first."""
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2


def program(machine: str, metadata: bool) -> bytes:
    """Return the filter for a machine (``os.uname().machine``) as packed instructions.

    ``metadata`` refuses changes of modes, owners and times by path too. Raises ``KeyError`` for a machine that has no
    table.
    """
    column = list(_MACHINES).index(machine)
    tables = [_DENIED, _METADATA] if metadata else [_DENIED]
    found = [row[column] for table in tables for row in table.values()]
    refused = [number for number in found if number is not None]
    refuse, allow = (_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, _MACHINES[machine]), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32), refuse,
        *_of(_CLONE3[column], (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)),  # its flags are out of sight
        *_of(_CLONE[column], (_LOAD, 0, 0, _FIRST_ARGUMENT), (_SET, 2, 0, _NEW_NAMESPACE),
             (_AND, 0, 0, _THREAD_AND_FILES), (_EQUAL, 0, 1, _THREAD), refuse, allow),
        *_of(_SOCKET[column], (_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 1, 0, _LOCAL),
             (_RETURN, 0, 0, _ERRNO | errno.EACCES), allow),
        *_of(_MMAP[column], (_LOAD, 0, 0, _FOURTH_ARGUMENT), (_AND, 0, 0, _SHARED), (_EQUAL, 0, 1, _SHARED),
             refuse, allow),
        *_of(_SIGACTION[column], (_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 0, 4, _CHILD_ENDED),
             (_LOAD, 0, 0, _SECOND_ARGUMENT), (_EQUAL, 0, 3, 0), (_LOAD, 0, 0, _SECOND_ARGUMENT + 4), (_EQUAL, 0, 1, 0),
             allow, refuse),  # to ask how it is, with no new action, is allowed
        *_of(_PRCTL[column], (_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 0, 1, _SET_DUMPABLE), refuse, allow),
    ]  # fmt: skip
    for number in refused:
        steps += _of(number, refuse)
    return b"".join(struct.pack("<HBBI", *step) for step in [*steps, allow])


def _of(number: int, *steps: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    """Return steps for one call, stepped over for any other. Each is (operation, jump if so, jump if not, value)."""
    return [(_EQUAL, 0, len(steps), number), *steps]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def known(machine: str) -> bool:
    """Say whether there is a table for a machine."""
    return machine in _MACHINES


def no_new_privileges() -> None:
    """Forbid this process, and all that it starts, to gain rights by executing a file. Raises ``OSError``."""
    _control(_PR_SET_NO_NEW_PRIVS, 1, 0)


def apply(metadata: bool) -> None:
    """Put this process, and all that it starts, under the filter for good. Raises ``OSError``."""
    code = program(os.uname().machine, metadata)
    buffer = ctypes.create_string_buffer(code, len(code))
    wanted = _Program(len(code) // 8, ctypes.addressof(buffer))
    _control(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(wanted))


def _control(option: int, first: int, second: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(value) for value in (first, second, 0, 0)]
    if library.prctl(ctypes.c_int(option), *arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
