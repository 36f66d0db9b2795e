"""Landlock by its three system calls: which files a process may touch, from inside, without any right of its own.

Kernel documentation: userspace-api/landlock. A right that a kernel does not know yet is left out, so that ``abi`` says
how much is held; ``WHAT_IT_LEAVES`` is what even the newest does not hold.
"""

from __future__ import annotations

import ctypes
import os
import struct

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ_FILE | _TRUNCATE | _IOCTL
_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL = (1 << 16) - 1
"""From ABI 5 up: everything, the control of devices included."""
_TCP, _SCOPES = 0b11, 0b11
"""Bind and connect (ABI 4); abstract sockets and signals (ABI 6)."""
_MAKES_DEVICES = 1 << 6 | 1 << 11
"""Character and block devices: never, not even in a folder of one's own."""

NEEDED = 6
"""The first ABI under which a process cannot send a signal to those outside."""

WHAT_IT_LEAVES = (
    "names, sizes and dates of files that it cannot open",
    "a share of the processor and, between two looks of the watch, of memory and disk",
    "a stored golden output beside the model's code, which it could copy instead of computing it",
    "processes of the same user count against the same limit",
    "the kernel itself: there is no other between a model and it",
)
"""What a model can still do under Landlock with the filter of system calls."""


def abi() -> int:
    """Return the version of Landlock that this kernel has, 0 where it has none."""
    try:
        return int(_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    except OSError:
        return 0


def restrict(readable: list[str], writable: list[str], version: int) -> None:
    """Leave this process, and all that it starts, these paths and no TCP, for good.

    ``readable`` may be read and executed, ``writable`` changed too; one that does not exist is passed over. Raises
    ``OSError``.
    """
    known = _BY_ABI.get(version, _ALL)
    fields = struct.pack("<QQQ", known, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    fields = fields[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _call(_CREATE, ctypes.create_string_buffer(fields, len(fields)), ctypes.c_size_t(len(fields)), _flags())
    try:
        for paths, rights in ((readable, _EXECUTE | _READ_FILE | _READ_DIR), (writable, known & ~_MAKES_DEVICES)):
            for path in paths:
                _allow(rules, path, rights & known)
        _call(_RESTRICT, ctypes.c_int(rules), _flags())
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = struct.pack("<Qi", rights if os.path.isdir(path) else rights & _OF_FILES, beneath)
        buffer = ctypes.create_string_buffer(rule, len(rule))
        _call(_ADD, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), buffer, _flags())
    finally:
        os.close(beneath)


def _flags() -> ctypes.c_uint32:
    return ctypes.c_uint32(0)


def _call(number: int, *arguments: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    result = int(library.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
