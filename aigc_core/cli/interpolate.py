"""``aigc-zoo interpolate``: the images on the way from one image to another, through an autoencoder's latents."""

from __future__ import annotations

from typing import Any

import click

from aigc_core.cli.completing import models_that
from aigc_core.cli.model_flags import ModelCommand
from aigc_core.cli.of_files import begin
from aigc_core.cli.opening import opening_flags
from aigc_core.cli.progress import samples_bar


@click.command("interpolate", cls=ModelCommand)
@click.argument("model", shell_complete=models_that("interpolate"))
@click.argument("one", metavar="A", type=click.Path())
@click.argument("other", metavar="B", type=click.Path())
@click.option("-n", "--count", type=click.INT, default=9, show_default=True, help="How many images, with both ends.")
@click.option(
    "-o",
    "--output",
    help="A .png (a row), a DIR/ (single PNGs), a .npy or .safetensors (raw images).  "
    "[default: MODEL-interpolated.png]",
)
@opening_flags
def command(model: str, one: str, other: str, count: int, output: str | None, **given: Any) -> None:
    """Make the images from the reconstruction of A to that of B, in even steps of MODEL's latents."""
    begun = begin("interpolate", model, output, "interpolated.png", given)
    from aigc_core.run import write_pictures as writing
    from aigc_core.run.model import whole_number

    count = whole_number(count, "count", 2)
    writing.check_output(begun.output)

    from aigc_core.run import receipt as receipts
    from aigc_core.run.autoencode import check_ends, interpolated
    from aigc_core.run.pictures import around, read_all

    ends = read_all([one, other], begun.manifest.input)
    levels = [picture.levels for picture in ends]
    check_ends(levels)
    place = around(ends[0].place, ends[1].place)
    shape = (len(levels[0]), place.height, place.width)
    work = writing.Work(begun.output, f"{begun.entry.id}-interpolated", [shape] * count, count)
    writing.check(work)
    loaded = begun.load()
    receipt = receipts.of_files(loaded, "interpolate", [picture.facts for picture in ends], begun.options)
    receipt |= {"count": count}
    with samples_bar(count, count <= 64) as progress:
        made = writing.cut(interpolated(loaded, levels, count, begun.options), [place] * count)
        writing.write_pictures(work, writing.followed(made, progress), receipt)
    begun.announce(receipt)
    scaled = [f"{path} {picture.scaled}" for path, picture in zip((one, other), ends, strict=True) if picture.scaled]
    begun.tell(f"{count:,} images from {one} to {other}" + (f" ({', '.join(scaled)})" if scaled else ""))
