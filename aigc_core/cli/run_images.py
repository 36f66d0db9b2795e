"""``aigc-zoo run`` with a model of images: of a seed's noise, or of noise in a file."""

from __future__ import annotations

import os
import shlex
import time
from typing import Any, NamedTuple

import click

from aigc_core.cli.opening import Opening
from aigc_core.cli.output import printable
from aigc_core.cli.progress import samples_bar
from aigc_core.cli.written import tell_written
from aigc_core.errors import WrongUse, counted
from aigc_core.registry import Entry


class Asked(NamedTuple):
    """What the flags of the core's own say, for images."""

    count: int | None  # type: ignore[assignment]
    seed: int
    start: int
    output: str | None
    batch_size: int | None
    latent: str | None
    """A file of noise, in the place of the seed's."""
    save_latent: str | None
    """Where the noise goes that the images are made of."""
    quiet: bool


def run(name: str, entry: Entry, opening: Opening, asked: Asked, options: dict[str, Any]) -> None:
    """Make the images and write them. Raises ``ZooError`` with nothing half-written."""
    from aigc_core.run import noise_file
    from aigc_core.run.batches import batch_shape, default_count
    from aigc_core.run.capabilities import require
    from aigc_core.run.make import announce, default_output, make, plan
    from aigc_core.run.numbers import index_range
    from aigc_core.run.receipt import as_flags

    began, manifest = time.perf_counter(), entry.manifest
    assert manifest is not None
    require(manifest, "generate")
    given = None if asked.latent is None else noise_file.read(asked.latent)
    if given:
        indices, seed = index_range(0, given.rows), None
    else:
        count = default_count(manifest) if asked.count is None else asked.count
        indices, seed = index_range(asked.start, count), asked.seed
    count, target = len(indices), default_output(manifest, seed) if asked.output is None else asked.output
    size = batch_shape(manifest, count, asked.batch_size)
    planned = plan(manifest, target, indices, seed=asked.seed, options=options, batch_size=size, given=given)
    _check_apart(target, asked)
    model = opening.load(name, entry, quiet=asked.quiet)
    if asked.save_latent:
        noise_file.check_fit(asked.save_latent, model)
    with samples_bar(count, asked.quiet or count <= size) as progress:
        receipt = make(model, planned, progress)
    if asked.save_latent:
        noise_file.store(asked.save_latent, model, planned.seed, indices, receipt)
    announce(target, receipt)
    if asked.quiet:
        return
    if seed is None:
        took = time.perf_counter() - began
        click.echo(printable(f"{target}: {counted(count, 'image')} of {asked.latent} by {entry.id}, in {took:.1f} s."))
    else:
        from aigc_core.run.write import single_name

        made = os.path.join(target, single_name(entry.id, seed, asked.start)) if os.path.isdir(target) else target
        tell_written(target, made, count, entry.id, seed, began)
    if asked.save_latent:
        what = f"{asked.save_latent}: what {'it is' if count == 1 else 'they are'} made of"
        own = options if asked.batch_size is None else options | {"batch_size": asked.batch_size}
        again = ["aigc-zoo", "run", name, "--latent", asked.save_latent, *as_flags(own), *opening.as_flags()]
        click.echo(printable(f"{what}. Edit it, then: {shlex.join(again)}"))


def _check_apart(target: str, asked: Asked) -> None:
    """Raise ``WrongUse`` where the noise cannot be written where it is to go, or one file would replace another."""
    from aigc_core.run import noise_file

    if asked.save_latent:
        noise_file.check_output(asked.save_latent)
    for noise in filter(None, (asked.latent, asked.save_latent)):
        if os.path.realpath(noise) == os.path.realpath(target):
            raise WrongUse(f"The images and their noise cannot both be {target}.", "Name another -o.")
