"""What is seen of processes from outside."""

import os
import subprocess
import sys
import time

import pytest

from aigc_core.sandbox import tree
from aigc_core.sandbox.tree import Process

FORKS = """
import os, sys, time
held = bytearray(b"x") * (100 << 20)
for _ in range(5):
    if not os.fork():
        time.sleep(60)
        os._exit(0)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def started():
    running = []

    def start(code):
        running.append(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True))
        assert running[-1].stdout.readline() == b"ready\n"
        return running[-1].pid

    yield start
    for each in running:
        os.killpg(each.pid, 9)
        each.communicate()


def test_pages_that_processes_share_count_once(started):
    pid = started(FORKS)
    found = [each for each in tree.below(os.getpid()) if pid in (each.pid, each.parent)]
    assert len(found) == 6
    assert sum(each.resident for each in found) > 600 << 20
    assert 100 << 20 < tree.memory(found, 0) < 200 << 20
    tables = tree.memory(found, 1 << 40) - sum(each.resident for each in found)  # the quick sum is enough
    assert 0 < tables < 50 << 20
    while any("R" in each.states for each in found):  # they may be on their way
        time.sleep(0.02)
        found = [each for each in tree.below(os.getpid()) if pid in (each.pid, each.parent)]


def test_a_process_that_has_ended_since_it_was_listed_takes_nothing(started):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert tree.memory([Process(ended.pid, 1, 1, 1 << 30, 0.0, "S", f"/proc/{ended.pid}")], 0) == 0


@pytest.mark.parametrize("where", ["its first thread", "another thread"])
def test_one_that_computes_is_not_asleep(started, where):
    work = "def work():\n    while True: pass\n"
    go = "work()" if where == "its first thread" else "threading.Thread(target=work).start()"
    pid = started(f"import threading\n{work}print('ready', flush=True)\n{go}")
    for _ in range(200):  # a look may fall into the moment in which a thread hands the interpreter on
        (found,) = [each for each in tree.below(os.getpid()) if each.pid == pid]
        if "R" in found.states and found.cpu_s > 0:
            break
        time.sleep(0.02)
    assert "R" in found.states
    assert found.cpu_s > 0
