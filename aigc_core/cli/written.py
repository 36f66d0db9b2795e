"""The last line of a run: what was written, and how to make it again."""

from __future__ import annotations

import shlex
import time

import click


def tell_written(target: str, made: str, count: int, model: str, seed: int, began: float) -> None:
    """Say what was written, and how to make it again."""
    what = f"{count} sample{'s' if count > 1 else ''} of {model}, seed {seed}"
    again = f"aigc-zoo run --again {shlex.quote(made)}"
    click.echo(f"{target}: {what}, in {time.perf_counter() - began:.1f} s. Again: {again}")
