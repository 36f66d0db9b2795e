"""The watch's own limits, one at a time: in a whole run another limit ends a program too, only later."""

import os
import threading
import time

import pytest

from aigc_core.sandbox import tree, watch
from aigc_core.sandbox.limits import Limits, View
from aigc_core.sandbox.tree import Process


class Running:
    pid = os.getpid()


@pytest.fixture
def make(tmp_path):
    for name in ("out", "home"):
        (tmp_path / name).mkdir()
    return lambda limits: watch.Watch(Running(), View((), str(tmp_path), {}), limits, threading.Event())


def process(state, cpu_s=0.0, tasks=1):
    return Process(1 << 30, 1, tasks, 0, cpu_s, state, "/proc/never")


@pytest.mark.parametrize(
    ("states", "share"), [("", 1), ("S", 1), ("SZ", 1), ("SD", 0.25), ("D", 0.25), ("DR", 0), ("SR", 0)]
)
def test_which_part_of_a_moment_is_idle(states, share):
    assert watch._idle_share([process(state) for state in states]) == share


@pytest.mark.parametrize(("state", "broke"), [("S", "time"), ("D", "time"), ("R", "")])
def test_idle_time_is_charged_and_ends_it_long_before_the_clock(make, monkeypatch, state, broke):
    monkeypatch.setattr(tree, "one", lambda pid: None)
    made = make(Limits(idle_s=0.1))
    found = ""
    for _ in range(12):
        time.sleep(0.06)
        found = found or made._late([process(state)])
    assert found == broke


def test_computing_is_that_of_all_and_of_what_the_first_has_waited_for(make, monkeypatch):
    monkeypatch.setattr(tree, "one", lambda pid: process("S", cpu_s=3.0))
    assert make(Limits(cpu_s=6))._late([process("R", 1.0), process("Z", 1.5)]) == ""
    assert make(Limits(cpu_s=5))._late([process("R", 1.0), process("Z", 1.5)]) == "computing"


def test_tasks_are_counted_over_all(make, monkeypatch):
    monkeypatch.setattr(tree, "one", lambda pid: None)  # pytest itself may have computed for longer than any limit
    monkeypatch.setattr(tree, "below", lambda pid: [process("S", tasks=5), process("S", tasks=4)])
    assert make(Limits(tasks=10))._broken() == ""
    assert make(Limits(tasks=9))._broken() == "processes"


@pytest.mark.parametrize("name", ["out", "home"])
def test_what_is_hidden_or_too_much_is_seen_when_all_is_over(make, tmp_path, name):
    made = make(Limits(output_files=3, scratch_files=3))
    made.after()
    assert made.broke == ""
    (tmp_path / name / "closed").mkdir(mode=0)
    made.after()
    assert made.broke == {"out": "output", "home": "file"}[name]
    (tmp_path / name / "closed").rmdir()
    for number in range(4):
        (tmp_path / name / str(number)).touch()
    other = make(Limits(output_files=3, scratch_files=3))
    other.after()
    assert other.broke == {"out": "output", "home": "file"}[name]
