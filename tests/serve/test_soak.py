"""Many streams for a while: no error, no leak. ``benchmarks/serving.py`` does it for minutes with a real model."""

import asyncio
import gc
import re
from pathlib import Path

import pytest

pytest.importorskip("httpx", reason="the benchmark's client")

from benchmarks.serving import soak, together


def memory():
    gc.collect()
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_64_streams(start):
    running = start(rows=8, queue=64, delay=0.001)

    def run(seconds):
        done = asyncio.run(soak(running.url, "toy", 64, seconds, 32))
        running.wait_until_idle()
        assert done.errors == []
        return len(done.streams)

    run(8)
    before = memory()
    assert run(12) >= 64
    assert memory() <= before * 1.05 + 2
    assert running.said == []


def test_eight_together_take_no_more_steps_than_the_longest(start):
    """Steps are counted, not seconds: a step of eight rows is one step."""
    running = start(rows=8, delay=0.002)
    steps = [0]
    step = running.batcher._desk.step

    def counted():
        steps[0] += 1
        return step()

    running.batcher._desk.step = counted
    asyncio.run(together(running.url, "toy", 32))
    assert steps[0] < 8 * 32 + 2 * 32
    running.wait_until_idle()
