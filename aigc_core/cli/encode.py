"""``aigc-zoo encode``: images' latents into a file, from which ``aigc-zoo decode`` makes images again."""

from __future__ import annotations

from typing import Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import models_that
from aigc_core.cli.model_flags import ModelCommand
from aigc_core.cli.of_files import begin
from aigc_core.cli.opening import opening_flags
from aigc_core.errors import counted


@click.command("encode", cls=ModelCommand)
@click.argument("model", shell_complete=models_that("encode"))
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path())
@click.option(
    "-o",
    "--output",
    help="A .safetensors (with the latents' deviations, where they have any) or a .npy.  "
    "[default: MODEL-latents.safetensors]",
)
@opening_flags
def command(model: str, images: tuple[str, ...], output: str | None, **given: Any) -> None:
    """Write the latents of every IMAGE by MODEL to one file.

    An image that is larger than the model takes is scaled down, never stretched. The file says where each picture lies
    in what the model was given, so that what was padded is cut off again when it is decoded.
    """
    begun = begin("encode", model, output, "latents.safetensors", given)
    from aigc_core.run import latents_file

    latents_file.check_output(begun.output)

    from aigc_core.run import receipt as receipts
    from aigc_core.run.autoencode import check_sizes, encoded, joined
    from aigc_core.run.pictures import read_all

    pictures = read_all(images, begun.manifest.input)
    levels = [picture.levels for picture in pictures]
    check_sizes(levels, images)
    loaded = begun.load()
    parts = []
    for part in encoded(loaded, levels, begun.options):
        interrupt.check()
        parts.append(part)
    latents = joined(parts)
    receipt = receipts.of_files(loaded, "encode", [picture.facts for picture in pictures], begun.options)
    latents_file.store(begun.output, latents, receipt)
    begun.announce(receipt)
    shape, scaled = " x ".join(map(str, latents.values.shape[1:])), sum(bool(picture.scaled) for picture in pictures)
    words = f" ({scaled:,} scaled down)" if scaled else ""
    begun.tell(f"latents, {shape} each, of {counted(len(pictures), 'image')}{words}")
