"""How waiting looks: a word on what is to be fetched, a bar for every file and one for all; a bar of the samples."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from aigc_core import interrupt
from aigc_core.cli.output import printable
from aigc_core.errors import Refused, counted
from aigc_core.hub.pull import faults, silent
from aigc_core.manifest.model import ModelManifest, WeightFile

Report = Callable[[str, int], None]


def say(text: str) -> None:
    """Tell the user something on the standard error stream, where no result of the program goes."""
    click.echo(printable(text), err=True)


def hush(text: str) -> None:
    """Tell nobody."""


@contextmanager
def fetching(name: str, manifest: ModelManifest, *, quiet: bool, offline: bool = False) -> Iterator[Report]:
    """Say what of a model on the Hub is missing or damaged here, and give what shows its coming."""
    lacking = faults(manifest.repo_id, manifest.revision, manifest.files) if manifest.source == "hub" else {}
    if quiet or offline or not lacking:
        yield silent
        return
    size = sum(file.size for file in lacking) / 1e6
    damaged = [file.path for file, error in lacking.items() if isinstance(error, Refused)]
    why = f"; damaged in the cache: {', '.join(damaged)}" if damaged else ""
    say(f"{name}: {size:,.1f} MB ({counted(len(lacking), 'file')}) to fetch from {manifest.repo_id}{why}.")
    with bars(list(lacking)) as report:
        yield report


@contextmanager
def bars(files: Sequence[WeightFile]) -> Iterator[Report]:
    """Draw bars on a terminal; elsewhere, and where the Hub's client is told to draw none, stay silent."""
    if not sys.stderr.isatty() or os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS"):
        yield silent
        return
    from tqdm import tqdm

    style: dict[str, Any] = {"unit": "B", "unit_scale": True, "file": sys.stderr, "leave": False}
    sizes, lock = {file.path: file.size for file in files}, threading.Lock()
    shown: dict[str, Any] = {}
    over = False
    with ExitStack() as stack:
        total = stack.enter_context(tqdm(total=sum(sizes.values()), desc="in all", position=0, **style))

        def report(path: str, done: int) -> None:
            with lock:
                if over:  # after Ctrl-C its threads are not waited for, and no bar may follow the last word
                    return
                if path not in shown:
                    place = len(shown) + 1
                    bar = tqdm(total=sizes.get(path), desc=printable(path)[-40:], position=place, **style)
                    shown[path] = stack.enter_context(bar)
                total.update(done - shown[path].n)
                shown[path].update(done - shown[path].n)

        try:
            yield report
        finally:
            with lock:
                over = True


@contextmanager
def samples_bar(total: int, hidden: bool, label: str = "samples") -> Iterator[Callable[[int], None]]:
    """Show progress on a terminal's standard error stream; a run of one batch is over before a bar can be read."""
    if hidden or not sys.stderr.isatty():
        yield lambda done: interrupt.check()
        return
    shown: Any = click.progressbar(length=total, label=label, file=sys.stderr, show_pos=True)

    def follow(done: int) -> None:
        interrupt.check()
        bar.update(done - bar.pos)

    with shown as bar:
        yield follow
