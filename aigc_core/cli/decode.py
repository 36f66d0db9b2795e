"""``aigc-zoo decode``: images of a file of latents."""

from __future__ import annotations

import itertools
from typing import Any

import click

from aigc_core.cli.completing import models_that
from aigc_core.cli.model_flags import ModelCommand
from aigc_core.cli.of_files import begin
from aigc_core.cli.opening import opening_flags
from aigc_core.cli.progress import samples_bar, say
from aigc_core.errors import counted


@click.command("decode", cls=ModelCommand)
@click.argument("model", shell_complete=models_that("decode"))
@click.argument("latents", metavar="LATENTS", type=click.Path())
@click.option(
    "-o",
    "--output",
    help="A .png (a sheet), a DIR/ (single PNGs), a .npy or .safetensors (raw images).  [default: MODEL-decoded.png]",
)
@opening_flags
def command(model: str, latents: str, output: str | None, **given: Any) -> None:
    """Make images with MODEL of the file LATENTS: a .safetensors with a tensor `latents`, or an .npy.

    Of a file that `aigc-zoo encode` wrote, what was padded is cut off: the images are those of `aigc-zoo reconstruct`.
    """
    begun = begin("decode", model, output, "decoded.png", given)
    from aigc_core.run import write_pictures as writing

    writing.check_output(begun.output)

    from aigc_core.run import latents_file
    from aigc_core.run import receipt as receipts
    from aigc_core.run.autoencode import decoded
    from aigc_core.run.pictures import Place

    stored = latents_file.read(latents)
    loaded = begun.load()
    receipt = receipts.of_files(loaded, "decode", [{"name": stored.name, "sha256": stored.sha256}], begun.options)
    if stored.weights and stored.weights != receipt["weights"]:
        say(f"{latents} was encoded with other weights than those of {begun.entry.id}, which decodes it.")
    batches = decoded(loaded, stored.values, begun.options)
    first = next(batches)  # only it tells how large the images are
    channels, height, width = first.values.shape[1:]
    places = stored.places or [Place(0, 0, height, width)] * len(stored.values)
    shapes = [(channels, place.height, place.width) for place in places]
    work = writing.Work(begun.output, f"{begun.entry.id}-decoded", shapes, writing.grid(len(shapes)))
    writing.check(work)
    with samples_bar(len(shapes), len(shapes) <= 64) as progress:
        made = writing.cut(itertools.chain([first], batches), places)
        writing.write_pictures(work, writing.followed(made, progress), receipt)
    begun.announce(receipt)
    begun.tell(f"{counted(len(shapes), 'image')} of {latents}")
