"""Every way out that a contributed model could try: stopped under each backend, and told by its name."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from aigc_core.sandbox import bubblewrap, landlock

HERE = Path(__file__).parent
HOSTILE = HERE / "hostile"


class Escape(NamedTuple):
    verdict: str
    said: str
    """What its sentence or last words have."""
    elsewhere: str = ""
    """The verdict under Landlock, where it is another."""


ESCAPES = {
    "write_outside": Escape("crashed", "written"),
    "read_home": Escape("crashed", "secret"),
    "read_environment": Escape("crashed", ""),
    "connect": Escape("crashed", "PermissionError"),
    "listen": Escape("crashed", "PermissionError"),
    "datagram": Escape("crashed", "PermissionError"),
    "abstract_socket": Escape("crashed", "Error"),
    "fork_bomb": Escape("processes", "more than 24 processes"),
    "threads": Escape("processes", "more than 24 processes"),
    "memory": Escape("memory", "more than 200 MB"),
    "memory_at_once": Escape("memory", "MemoryError"),
    "memory_shared": Escape("crashed", "not permitted"),
    "memory_of_children": Escape("memory", "more than 200 MB"),
    "memory_of_nobody": Escape("crashed", "not permitted"),
    "large_file": Escape("file", "more than 20 MB into one file"),
    "many_files": Escape("output", "more than 40 MB"),
    "fill_scratch": Escape("file", "20 MB or 2,000 entries"),
    "fill_devices": Escape("file", "", elsewhere="crashed"),
    "ptrace_parent": Escape("crashed", "ptrace"),
    "read_parent": Escape("crashed", "nothing there"),
    "kill_parent": Escape("crashed", "still here"),
    "daemon": Escape("daemon", "left 1 process running"),
    "symlink": Escape("finished", ""),
    "hard_link": Escape("crashed", "result.json"),
    "flood": Escape("flood", "more than 256 kB"),
    "sleep": Escape("time", "did nothing for more than 4 s"),
    "spin": Escape("time", "computed for more than 3 s"),
    "spin_in_turns": Escape("time", "computed for more than 3 s"),
    "new_namespace": Escape("crashed", "unshare"),
    "raise_limits": Escape("crashed", "limit"),
    "change_weights": Escape("crashed", "nothing changed"),
    "set_owner": Escape("crashed", "Error"),
    "crash": Escape("killed", "SIGSEGV"),
    "close_output": Escape("time", "did nothing for more than 4 s"),
    "closed_folder": Escape("output", "closed or deep"),
    "deep_folder": Escape("output", "closed or deep"),
    "hollow_files": Escape("output", "more than 40 MB"),
    "nameless_files": Escape("output", "more than 40 MB"),
    "nameless_mapped": Escape("output", "more than 40 MB"),
    "pass_files_on": Escape("crashed", "not permitted"),
    "own_files": Escape("crashed", "clone"),
    "undumpable": Escape("crashed", "prctl"),
    "many_entries": Escape("file", "2,000 entries"),
    "spin_unseen": Escape("time", "computed for more than 3 s"),
    "sleep_unseen": Escape("time", "waited for a disk or a child"),
    "memory_headless": Escape("memory", "more than 200 MB"),
    "memory_of_tables": Escape("memory", "more than 200 MB"),
    "memory_of_sockets": Escape("memory", "more than 200 MB"),
    "headless_daemon": Escape("daemon", "left 1 process running"),
}
SLOW = {"sleep", "spin", "spin_in_turns", "sleep_unseen", "spin_unseen"}


def reachable(path):
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in [*Path(path).resolve().parents])


@functools.cache
def ordinary_python():
    """A Python that every user may execute; empty where root has none to lend."""
    for path in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(path) and reachable(os.path.realpath(path)) and reachable(HERE):
            version = subprocess.run(
                [path, "-c", "import sys; print(sys.version_info >= (3, 10))"], capture_output=True
            )
            if b"True" in version.stdout:
                return path
    return ""


def escape(name, backend, who):
    """Run a script as whoever runs the tests, or as an ordinary user."""
    python, user = sys.executable, {}
    if who == "ordinary" and os.geteuid() == 0:
        python, user = ordinary_python(), {"user": 65534, "group": 65534, "extra_groups": []}
        if not python:
            pytest.skip("root has no Python here that an ordinary user can execute")
    path = [os.path.dirname(bubblewrap.program()), os.environ["PATH"]]
    environment = {"PATH": ":".join(path), "PYTHONPATH": str(HERE.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, str(HERE / "driver.py"), str(HOSTILE / f"{name}.py"), backend]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=400, **user)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


WAYS = [("bubblewrap", "own"), ("landlock", "ordinary")] + [("bubblewrap", "ordinary")] * (os.geteuid() == 0)


@pytest.mark.parametrize(("backend", "who"), WAYS)
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in ESCAPES])
def test_nothing_gets_out(name, backend, who):
    if backend == "bubblewrap" and (fault := bubblewrap.fault()):
        pytest.skip(fault)
    if backend == "landlock" and landlock.abi() < landlock.NEEDED:
        pytest.skip(f"this kernel has Landlock ABI {landlock.abi()}")
    expected, found = ESCAPES[name], escape(name, backend, who)
    verdict = expected.elsewhere if backend == "landlock" and expected.elsewhere else expected.verdict
    assert (found["verdict"], expected.said in found["text"] + found["said"]) == (verdict, True), found
    assert not [line for line in found["said"].splitlines() if line.startswith("GOT")]
    assert (found["left"], found["arrived"], found["kept"]) == ([], [], {"secret": "secret"})
    assert (found["weights"], found["mode"]) == ("weights", "0o644")
    assert found["rest"] == []  # nothing that it left keeps its folder from being removed
    assert found["peak_mb"] < 1500  # it asked for 2,000, and on a machine that is overrun the watch looks late


def test_links_in_the_output_are_not_followed():
    found = escape("symlink", "bubblewrap" if not bubblewrap.fault() else "landlock", "own")
    assert found["files"] == ["good.json"]
    assert [text.partition(" to ")[0] for text in found["refused"]] == [
        "folder, a symbolic link", "pipe.json, no regular file", "result.json, a symbolic link"
    ]  # fmt: skip


def test_every_script_is_in_the_table():
    assert {path.stem for path in HOSTILE.glob("*.py")} == {*ESCAPES}


def test_without_a_sandbox_these_scripts_do_get_out():
    """The saboteur: the same harmless ones among them succeed where nothing holds them."""
    for name in ("read_home", "connect", "listen", "datagram", "abstract_socket", "hard_link", "memory_of_nobody",
                 "pass_files_on", "own_files", "undumpable"):  # fmt: skip
        found = escape(name, "none", "own")
        assert any(line.startswith("GOT") for line in found["said"].splitlines()), name
    assert "written" in escape("write_outside", "none", "own")["kept"]
