"""The server under load: many streams for minutes, and eight streams together against eight one after another.

    python -m benchmarks.serving MODEL [--streams 64] [--minutes 10] [-- FLAGS OF aigc-zoo serve]

It starts ``aigc-zoo serve MODEL``, and needs httpx.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx

PROMPTS = ("Once upon a time", "The", "In the beginning there was", "A machine that", "To be, or not")
TOGETHER = 8
ROUNDS = 3


class Stream(NamedTuple):
    """What came of one stream."""

    first: float
    """Seconds to its first token."""
    seconds: float
    tokens: int
    error: str


class Soak(NamedTuple):
    """What came of many."""

    streams: list[Stream]
    seconds: float

    @property
    def errors(self) -> list[str]:
        return [stream.error for stream in self.streams if stream.error]

    @property
    def rate(self) -> float:
        """Tokens a second, of all streams."""
        return sum(stream.tokens for stream in self.streams) / self.seconds


async def stream(client: httpx.AsyncClient, model: str, number: int, tokens: int) -> Stream:
    """Ask for one text, streamed."""
    body = {"model": model, "prompt": PROMPTS[number % len(PROMPTS)], "max_tokens": tokens, "seed": number}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    began, first, made, last = time.perf_counter(), 0.0, 0, ""
    try:
        async with client.stream("POST", "/completions", json=body) as answer:
            if answer.status_code != 200:
                return Stream(0, 0, 0, f"{answer.status_code}: {(await answer.aread()).decode()[:200]}")
            async for line in answer.aiter_lines():
                if line:
                    first = first or time.perf_counter() - began
                    last = line.removeprefix("data: ")
                    made = (
                        made if last == "[DONE]" else (json.loads(last).get("usage") or {}).get("completion_tokens", 0)
                    )
    except httpx.HTTPError as error:
        return Stream(0, 0, 0, f"{type(error).__name__}: {error} {error.__cause__!r} {error.__context__!r}")
    return Stream(first, time.perf_counter() - began, made, "" if last == "[DONE]" else f"ended by {last[:200]}")


async def soak(url: str, model: str, streams: int, seconds: float, tokens: int) -> Soak:
    """Keep so many streams open for so long; each is followed by another when it ends."""
    limits = httpx.Limits(max_connections=streams, max_keepalive_connections=streams)
    began, found = time.perf_counter(), list[Stream]()

    async def keep(client: httpx.AsyncClient, number: int) -> None:
        while time.perf_counter() < began + seconds:
            found.append(await stream(client, model, number, tokens))
            number += streams

    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=600) as client:
        await asyncio.gather(*(keep(client, number) for number in range(streams)))
    return Soak(found, time.perf_counter() - began)


async def together(url: str, model: str, tokens: int) -> tuple[float, float]:
    """Return the tokens a second of streams one after another, and of as many side by side."""
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        began = time.perf_counter()
        one_by_one = [await stream(client, model, number, tokens) for number in range(TOGETHER)]
        middle = time.perf_counter()
        at_once = await asyncio.gather(*(stream(client, model, number, tokens) for number in range(TOGETHER)))
        ended = time.perf_counter()
    if errors := [each.error for each in [*one_by_one, *at_once] if each.error]:
        raise SystemExit(f"A stream failed: {errors[0]}")
    made = [sum(each.tokens for each in streams) for streams in (one_by_one, at_once)]
    return made[0] / (middle - began), made[1] / (ended - middle)


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all lies at or below."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


@contextlib.contextmanager
def server(arguments: list[str]) -> Iterator[tuple[str, str, int]]:
    """Start a server; give its address, the model's name and the process' id."""
    command = [sys.executable, "-m", "aigc_core", "serve", *arguments, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if not (said := re.match(r"Serving (.+) at (\S+);", process.stdout.readline())):
            raise SystemExit("The server did not start.")
        yield said[2], said[1], process.pid
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def memory(pid: int) -> float:
    """Return a process' own memory in MB: resident and shared with no file."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


def report(url: str, model: str, pid: int, given: Any) -> list[str]:
    """Measure, and return the rows of the table."""
    asyncio.run(soak(url, model, given.streams, 10, given.tokens))  # every buffer has been used once
    pairs = [asyncio.run(together(url, model, given.tokens)) for _ in range(ROUNDS)]
    before = memory(pid)
    done = asyncio.run(soak(url, model, given.streams, given.minutes * 60, given.tokens))
    time.sleep(2)
    after, firsts = memory(pid), [each.first for each in done.streams if not each.error]
    one, eight = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    return [
        f"| {model}: {given.streams} streams for {given.minutes:g} min, {given.tokens} tokens each | |",
        "|---|---|",
        f"| texts, errors | {len(done.streams)}, {len(done.errors)} {done.errors[:1] or ''} |",
        f"| memory before, after (MB) | {before:.1f}, {after:.1f} ({100 * (after / before - 1):+.1f} %) |",
        f"| time to first token p50, p99 (s) | {percentile(firsts, 0.5):.3f}, {percentile(firsts, 0.99):.3f} |",
        f"| tokens/s | {done.rate:.1f} |",
        f"| 8 one after another, 8 together (tokens/s) | {one:.1f}, {eight:.1f}: {eight / one:.2f} x; the bar is 3 |",
    ]


def main() -> None:
    """Measure what the command line says."""
    ours, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving")
    parser.add_argument("model")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--tokens", type=int, default=64)
    given = parser.parse_args(ours.split())
    with server([given.model, "--queue", str(max(64, given.streams)), *flags.split()]) as (url, model, pid):
        print("\n".join(report(url, model, pid, given)))


if __name__ == "__main__":
    main()
