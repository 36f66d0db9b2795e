"""The filter of system calls, interpreted here as the kernel would, and its numbers against the kernel's headers."""

import errno
import re
import struct
from pathlib import Path

import pytest

from aigc_core.sandbox import seccomp

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
REFUSED, NO_ACCESS, UNKNOWN = (0x00050000 | number for number in (errno.EPERM, errno.EACCES, errno.ENOSYS))
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


def answer(machine, number, *arguments, architecture=None, metadata=False):
    """Run the filter over one call, by the rules of classic BPF (linux/filter.h)."""
    where = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number, where, 0, *[*arguments, *[0] * 6][:6])
    code = [struct.unpack_from("<HBBI", step) for step in chunks(seccomp.program(machine, metadata))]
    at, held = 0, 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == 0x20:
            held = struct.unpack_from("<I", data, value)[0]
        elif operation == 0x54:
            held &= value
        elif operation == 0x06:
            return value
        else:
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[operation]
            at += yes if holds else no


def chunks(data):
    return [data[start : start + 8] for start in range(0, len(data), 8)]


def numbers(machine):
    path = Path(HEADERS[machine])
    if not path.exists():
        pytest.skip(f"{path} is not installed")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text()))
    return {name: int(number) for name, number in found.items()}


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_the_kernels(machine):
    """Calls that are newer than the header are not looked up; that the old ones are all right says that no row slid."""
    known, column, looked_up = numbers(machine), [*HEADERS].index(machine), 0
    own = {"socket": seccomp._SOCKET, "clone": seccomp._CLONE, "clone3": seccomp._CLONE3, "mmap": seccomp._MMAP,
           "rt_sigaction": seccomp._SIGACTION, "prctl": seccomp._PRCTL}  # fmt: skip
    for name, row in {**seccomp._DENIED, **seccomp._METADATA, **own}.items():
        if row[column] is not None and name in known:
            assert (name, row[column]) == (name, known[name])
            looked_up += 1
        if row[column] is None:
            assert name not in known
    assert looked_up > 50


@pytest.mark.parametrize("machine", HEADERS)
def test_answers(machine):
    column = [*HEADERS].index(machine)

    def ask(name, *arguments, **how):
        tables = {**seccomp._DENIED, **seccomp._METADATA, "socket": seccomp._SOCKET, "clone": seccomp._CLONE}
        return answer(machine, tables[name][column], *arguments, **how)

    assert {ask(name) for name in seccomp._DENIED} == {REFUSED}
    assert ask("utimensat") == ALLOWED
    assert ask("utimensat", metadata=True) == REFUSED
    assert [ask("socket", family) for family in (1, 2, 10, 16, 17)] == [ALLOWED, *[NO_ACCESS] * 4]
    assert [answer(machine, seccomp._MMAP[column], 0, 9, 3, flags) for flags in (0x22, 0x01, 0x21, 0x4021)] == [
        ALLOWED, ALLOWED, REFUSED, REFUSED
    ]  # fmt: skip
    assert ask("clone", 0x003D0F00) == ALLOWED  # what a thread is made with
    assert [ask("clone", 1 << bit) for bit in (17, 25, 26, 27, 28, 29, 30)] == [REFUSED] * 7
    assert ask("clone", 0x003D0F00 & ~0x400) == REFUSED  # a thread whose open files are its own
    assert ask("clone", 17) == ask("clone", 0x4111) == ALLOWED  # fork and vfork
    assert answer(machine, 435) == UNKNOWN
    action = seccomp._SIGACTION[column]
    assert [answer(machine, action, 17, where) for where in (0, 1, 1 << 32, 0x7FFE_0000_0000)] == [
        ALLOWED, *[REFUSED] * 3
    ]  # fmt: skip
    assert answer(machine, action, 15, 1) == ALLOWED
    assert [answer(machine, seccomp._PRCTL[column], option) for option in (4, 15)] == [REFUSED, ALLOWED]
    assert answer(machine, 0) == answer(machine, 63) == ALLOWED
    assert answer(machine, 0, architecture=0x40000003) == KILLED  # 32-bit calls have other numbers
    assert answer(machine, 0x40000000 + 101) == REFUSED


def test_high_halves_of_arguments_open_nothing():
    """The kernel looks at the lower half of a socket's family too: a family beyond it is none."""
    assert answer("x86_64", 41, (1 << 32) | 2) == NO_ACCESS
    assert answer("x86_64", 56, (1 << 32) | 0x10000000) == REFUSED
