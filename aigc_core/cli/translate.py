"""``aigc-zoo translate``: images through a model that turns each into another, beside the originals."""

from __future__ import annotations

from typing import Any

import click

from aigc_core.cli.completing import models_that
from aigc_core.cli.model_flags import ModelCommand
from aigc_core.cli.of_files import begin
from aigc_core.cli.opening import opening_flags
from aigc_core.cli.output import printable
from aigc_core.cli.progress import samples_bar
from aigc_core.errors import counted


@click.command("translate", cls=ModelCommand)
@click.argument("model", shell_complete=models_that("translate"))
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path())
@click.option(
    "-o",
    "--output",
    help="A .png (a sheet, originals over translations), a DIR/ (single PNGs), a .npy or .safetensors (raw "
    "translations).  [default: MODEL-translated.png]",
)
@opening_flags
def command(model: str, images: tuple[str, ...], output: str | None, **given: Any) -> None:
    """Turn every IMAGE into what MODEL makes of it, and write that beside the original.

    An image that is larger than the model takes is scaled down, never stretched. Nothing is drawn at random, so equal
    images give equal translations.
    """
    begun = begin("translate", model, output, "translated.png", given)
    from aigc_core.run import write_pictures as writing

    writing.check_output(begun.output)

    from aigc_core.run import receipt as receipts
    from aigc_core.run.pictures import read_all
    from aigc_core.run.translate import translated

    pictures = read_all(images, begun.manifest.input)
    seen = [picture.seen for picture in pictures]
    channels = begun.manifest.output["shape"][0]
    shapes, columns = [(channels, *each.shape[1:]) for each in seen], writing.grid(len(seen), 2)
    work = writing.Work(begun.output, f"{begun.entry.id}-translated", shapes, columns, seen)
    writing.check(work)
    loaded = begun.load()
    receipt = receipts.of_files(loaded, "translate", [picture.facts for picture in pictures], begun.options)
    with samples_bar(len(seen), len(seen) <= 64) as progress:
        batches = translated(loaded, [picture.levels for picture in pictures], begun.options)
        made = writing.cut(batches, [picture.place for picture in pictures])
        writing.write_pictures(work, writing.followed(made, progress), receipt)
    begun.announce(receipt)
    for path, picture in zip(images, pictures, strict=True):
        if picture.scaled:
            click.echo(printable(f"{path}: {picture.scaled}"))
    begun.tell(f"{counted(len(pictures), 'image')} translated")
