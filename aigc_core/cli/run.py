"""``aigc-zoo run``: make samples with a model. Its flags are the core's own and those of the model's manifest."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.core import ParameterSource

from aigc_core import interrupt
from aigc_core.cli.completing import model_names
from aigc_core.cli.model_flags import ModelCommand
from aigc_core.cli.progress import fetching, say
from aigc_core.errors import CheckFailed, WrongUse
from aigc_core.hub import cache


@click.command("run", cls=ModelCommand)
@click.argument("model", required=False, shell_complete=model_names)
@click.option("-n", "--count", type=click.INT, default=64, show_default=True, help="How many samples.")
@click.option("--seed", type=click.INT, default=0, show_default=True, help="Equal seeds give equal samples.")
@click.option("--start", type=click.INT, default=0, show_default=True, help="Index of the first sample.")
@click.option(
    "-o",
    "--output",
    help="A .png (a sheet), a DIR/ (single PNGs), a .npy or .safetensors (raw samples). [default: MODEL-SEED.png]",
)
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, cuda:1, mps.")
@click.option("--batch-size", type=click.INT, default=64, show_default=True, help="Samples computed at once.")
@click.option("--again", metavar="FILE", help="Make FILE again from its receipt and say whether the bytes agree.")
@click.option("--locked", is_flag=True, help="Use what aigc-zoo.lock pins, and ask nothing of the network.")
@click.option("--accept-licence", is_flag=True, help="Use weights although their authors declare no licence.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(model: str | None, again: str | None, quiet: bool, **given: Any) -> None:
    """Make samples with MODEL and write them to a file that says how to make it again."""
    interrupt.install()
    gc.enable()  # start-up is over
    if again is not None:
        _refuse_beside_again()
        _again(again, given["output"], quiet, given["locked"], given["accept_licence"])
    elif model is None:
        raise WrongUse("Which model?", "See: aigc-zoo list")
    else:
        _run(model, quiet, **given)


def _run(
    name: str,
    quiet: bool,
    count: int,
    seed: int,
    start: int,
    output: str | None,
    device: str,
    batch_size: int,
    locked: bool,
    accept_licence: bool,
    **flags: Any,
) -> None:
    from aigc_core.run.load import check_licence, fetch, open_entry, resolve
    from aigc_core.run.make import announce, default_output, make, plan
    from aigc_core.run.model import index_range

    began = time.perf_counter()
    entry = resolve(name, locked=locked, say=say)
    assert entry.manifest is not None
    check_licence(entry, accept_licence)
    options = {flag: value for flag, value in flags.items() if value is not None}
    target = default_output(entry.manifest, seed) if output is None else output
    planned = plan(entry.manifest, target, index_range(start, count), seed=seed, options=options, batch_size=batch_size)
    with fetching(name, entry.manifest, quiet=quiet, offline=locked or cache.offline()) as report:
        files = fetch(entry, offline=locked, report=report)
    model = open_entry(entry, files, device)
    interrupt.check()
    with _bar(count, quiet or count <= batch_size) as progress:
        receipt = make(model, planned, progress)
    announce(target, receipt)
    if not quiet:
        took = time.perf_counter() - began
        what = f"{count} sample{'s' if count > 1 else ''} of {entry.id}, seed {seed}"
        made = os.path.join(target, f"{entry.id}-{seed}-{start:06}.png") if os.path.isdir(target) else target
        click.echo(f"{target}: {what}, in {took:.1f} s. Again: aigc-zoo run --again {shlex.quote(made)}")


def _refuse_beside_again() -> None:
    """Raise ``WrongUse`` for anything beside --again that the file's receipt settles."""
    context = click.get_current_context()
    for param in context.command.get_params(context):
        if not param.name or param.name in ("again", "output", "quiet", "locked", "accept_licence"):
            continue
        if context.get_parameter_source(param.name) == ParameterSource.COMMANDLINE:
            name = param.name.upper() if isinstance(param, click.Argument) else param.opts[-1]
            raise WrongUse(f"--again takes everything from the file's receipt: leave out {name}.")


def _again(path: str, output: str | None, quiet: bool, locked: bool, accept_licence: bool) -> None:
    from aigc_core.run.again import again
    from aigc_core.run.model import BATCH
    from aigc_core.run.receipt import read

    first, end = read(path)["indices"]
    with _bar(end - first, quiet or end - first <= BATCH) as progress:
        result = again(path, output, progress, locked=locked, accept_licence=accept_licence)
    if not result.equal:
        raise CheckFailed(f"{path} came out otherwise: {'; '.join(result.differences)}.")
    if not quiet:
        agree = (
            f"every sample agrees, but {'; '.join(result.differences)}" if result.differences else "every byte agrees"
        )
        click.echo(f"{path}: made again, {agree}.")


@contextmanager
def _bar(total: int, hidden: bool) -> Iterator[Callable[[int], None]]:
    """Show progress on a terminal's standard error stream; a run of one batch is over before a bar can be read."""
    if hidden or not sys.stderr.isatty():
        yield lambda done: interrupt.check()
        return
    shown: Any = click.progressbar(length=total, label="samples", file=sys.stderr, show_pos=True)

    def follow(done: int) -> None:
        interrupt.check()
        bar.update(done - bar.pos)

    with shown as bar:
        yield follow
