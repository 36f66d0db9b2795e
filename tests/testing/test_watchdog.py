"""A model that hangs: a failure with a name, in a session that ends."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from families import Change
from test_pytest_plugin import author, counted  # noqa: F401 - a fixture

from aigc_core.testing.watchdog import Endless, limited

CALL = "        latent, chosen = "


def test_what_ends_in_time_is_left_alone():
    before = signal.getsignal(signal.SIGALRM)
    with limited(60, "nothing"):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def held():
    """Do as a plugin that takes every error for its own."""
    try:
        time.sleep(60)
    except BaseException as error:
        raise RuntimeError("an error of its own") from error


def swallowed():
    """Do as one that goes on."""
    try:
        while True:
            pass
    except BaseException:
        return


@pytest.mark.parametrize("work", [lambda: time.sleep(60), held, swallowed], ids=["sleeps", "hides it", "goes on"])
def test_what_does_not_end_is_ended_and_its_line_named(work):
    with (
        pytest.raises(Endless, match=r"within 0\.2 seconds; it was in line \d+ of .*test_watchdog\.py") as found,
        limited(0.2, "it"),
    ):
        work()
    assert found.value.line
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_timer_of_somebody_else_is_theirs():
    def ring(number, frame):
        raise TimeoutError("theirs")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeoutError, match="theirs"), limited(60, "it"):
            time.sleep(60)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


DEAF = """
import signal, time
from aigc_core.testing import watchdog
watchdog.GRACE = 0.3
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
with watchdog.limited(0.2, "N1 model plaid"):
    time.sleep(60)
"""


def test_what_hears_nothing_ends_with_the_process_and_is_named():
    done = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 1
    assert "aigc-zoo: N1 model plaid did not end within 0.5 seconds" in done.stderr
    assert "line 7 in <module>" in done.stderr


@pytest.mark.slow
def test_an_author_sees_which_clause_and_model_hang_and_the_rest_of_the_session(author):  # noqa: F811
    author.installs("paint", "plaid", Change("generators.py", CALL, "        while True:\n            pass\n" + CALL))
    with (author.site.work / "pyproject.toml").open("a") as stream:
        stream.write("[tool.aigc-zoo]\nseconds = 20\n")
    done = author.pytest("--aigc-zoo", "-k", "not H8")
    assert done.returncode == 1
    said = re.search(r"model plaid: It did not end within 20 seconds; it was in line (\d+) of (.*)\.", done.stdout)
    assert said[2].endswith("generators.py")
    assert counted(done)["failed"] == 1
    assert re.search(r"skipped: .* model plaid and \d+ more: C3 did not end", done.stdout)
    assert "NOT ENOUGH" in done.stdout
