import signal
import subprocess
import sys
import threading

import pytest

from aigc_core import interrupt


@pytest.fixture
def installed():
    interrupt.install()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_the_block(installed, number):
    reached = []

    def work():
        with interrupt.held():
            signal.raise_signal(number)
            reached.append("the end of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached
    with pytest.raises(KeyboardInterrupt):  # as before the block
        signal.raise_signal(number)


def test_the_second_does_not_wait(installed):
    reached = []

    def work():
        with interrupt.held():
            signal.raise_signal(signal.SIGINT)
            reached.append("once")
            signal.raise_signal(signal.SIGINT)
            reached.append("twice")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["once"]


def test_the_blocks_own_error_is_kept(installed):
    with pytest.raises(ValueError, match="its own"), interrupt.held():
        raise ValueError("its own")
    with interrupt.held():
        pass


def test_nothing_is_changed_where_nothing_was_installed():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever a test's own commands have left
    with interrupt.held():
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_changes_nothing(installed):
    seen = []

    def work():
        with interrupt.held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


SCRIPT = """
import os, sys
from aigc_core import interrupt
interrupt.install()
{}
    os.kill(os.getpid(), 2)
    import torch
    os.write(1, b"torch is whole")
"""


@pytest.mark.parametrize(("block", "whole"), [("with interrupt.held():", True), ("if True:", False)])
def test_the_import_of_torch_is_not_cut_short(block, whole):
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(block)], capture_output=True, text=True)
    assert done.returncode != 0
    assert ("torch is whole" in done.stdout) is whole
