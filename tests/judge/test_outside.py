"""Work of the judge's own on what nobody trusts: it ends, whatever it is done on, and the next is done all the same."""

import operator
import os
import re
import threading
import time

import pytest

from aigc_core.errors import Refused
from aigc_core.judge.outside import Beside


@pytest.fixture
def beside():
    made = Beside("The work", 1, 300)
    yield made
    made._end()


def test_it_is_done_in_one_process_beside_this_one(beside):
    one, two = beside.do(os.getpid), beside.do(os.getpid)
    assert one == two != os.getpid()


def test_a_pattern_that_takes_for_ever_is_ended(beside):
    with pytest.raises(Refused, match="The work took more than 1 s"):
        beside.do(re.fullmatch, "(a+)+$", "a" * 60 + "!")
    assert beside.do(len, "the next") == 8


def test_so_is_what_takes_too_much_memory(beside):
    with pytest.raises(Refused, match="more than 300 MB"):
        beside.do(operator.mul, [0], 1 << 27)


def test_what_nobody_wants_any_more_is_ended(beside):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Refused, match="interrupted"):
        beside.do(time.sleep, 600, stop=stop)
    assert time.monotonic() - began < 60


def test_an_error_of_it_is_told(beside):
    with pytest.raises(RuntimeError, match="ValueError: invalid literal"):
        beside.do(int, "x")
    with pytest.raises(Refused, match="ended the process"):
        beside.do(os._exit, 3)
    assert beside.do(int, "7") == 7


def test_two_at_once_wait_for_each_other(beside):
    found = []
    running = [threading.Thread(target=lambda of=number: found.append(beside.do(abs, -of))) for number in (1, 2)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert sorted(found) == [1, 2]
