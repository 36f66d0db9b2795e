"""What one sandboxed process, and everything that it starts, may use."""

from __future__ import annotations

from typing import NamedTuple

MEGA = 1 << 20


class Limits(NamedTuple):
    """Bounds of one run. All but ``file_mb`` and ``open_files`` are of the whole tree of processes."""

    idle_s: float = 120.0
    """Seconds in which none of its processes computes. A clock would say less: on a busy machine a process waits for a
    processor through no fault of its own."""
    cpu_s: int = 600
    """Seconds of computing."""
    memory_mb: int = 4096
    """Resident memory of all processes together: watched from outside."""
    tasks: int = 128
    """Processes and threads at a time."""
    file_mb: int = 256
    """The largest file that may be written (RLIMIT_FSIZE)."""
    output_mb: int = 512
    """Everything in the output folder together: watched from outside."""
    output_files: int = 1000
    """How many entries the output folder may have, folders included."""
    scratch_mb: int = 256
    """Home and temporary files: the size of the file system in memory that holds them."""
    scratch_files: int = 20_000
    """How many entries home and temporary folders may have: each takes memory that counts against no process."""
    said_kb: int = 1024
    """What may be written to the standard output and error streams together."""
    open_files: int = 512
    """Open files of each process."""

    @property
    def wall_s(self) -> float:
        """Seconds by the clock, whatever the machine does beside: nobody waits for ever."""
        return 10 * (self.idle_s + self.cpu_s)

    def rlimits(self) -> dict[str, int]:
        """Return the kernel's own limits by their names in ``resource``; they hold where the watch is too slow.

        RLIMIT_DATA is of one process and counts what is reserved and never touched, so it has room above the watch.
        RLIMIT_AS is not used: it counts mapped weights, which take no memory of their own. RLIMIT_NPROC is above what
        the watch allows, so that the watch sees the limit broken before the kernel only refuses more.
        """
        return {
            "RLIMIT_CPU": self.cpu_s,
            "RLIMIT_DATA": (2 * self.memory_mb + 1024) * MEGA,
            "RLIMIT_FSIZE": self.file_mb * MEGA,
            "RLIMIT_NPROC": self.tasks + 16,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_CORE": 0,
            "RLIMIT_MSGQUEUE": 0,
        }


class View(NamedTuple):
    """What a sandboxed process sees of the machine, besides the system's libraries."""

    readable: tuple[str, ...]
    """Absolute paths of files and folders, at the same place inside, read-only."""
    folder: str
    """A private folder that the caller made: ``home`` in it is the process's own and is lost, ``out`` comes back."""
    environment: dict[str, str]
    """All of the environment, but for HOME and TMPDIR, which are set."""
    hidden: tuple[str, ...] = ()
    """Files below the readable folders that are empty inside. Landlock cannot do that, and shows them."""

    @property
    def home(self) -> str:
        """Home and temporary folder."""
        return f"{self.folder}/home"

    @property
    def out(self) -> str:
        """The one folder whose content outlives the process."""
        return f"{self.folder}/out"

    @property
    def whole_environment(self) -> dict[str, str]:
        """The environment with what every process needs: nothing of the caller's own is in it."""
        own = {"HOME": self.home, "TMPDIR": self.home, "USER": "judged", "LOGNAME": "judged", "LANG": "C.UTF-8"}
        return {"PATH": "/usr/bin:/bin", **own, **self.environment}
