"""``aigc-zoo interpolate``: the images on the way from one image, or one sample, to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from aigc_core.cli.completing import models_that
from aigc_core.cli.model_flags import ModelCommand
from aigc_core.cli.of_files import Begun, begin
from aigc_core.cli.opening import opening_flags
from aigc_core.cli.progress import samples_bar
from aigc_core.errors import WrongUse

if TYPE_CHECKING:
    from aigc_core.interfaces import Samples
    from aigc_core.run.model import Model
    from aigc_core.run.pictures import Place


@click.command("interpolate", cls=ModelCommand)
@click.argument("model", shell_complete=models_that("interpolate"))
@click.argument("one", metavar="A", type=click.Path())
@click.argument("other", metavar="B", type=click.Path())
@click.option("-n", "--count", type=click.INT, default=9, show_default=True, help="How many images, with both ends.")
@click.option("--seed", type=click.INT, help="Whose samples A and B are, where they are numbers.  [default: 0]")
@click.option(
    "-o",
    "--output",
    help="A .png (a row), a DIR/ (single PNGs), a .gif (animated), a .npy or .safetensors (raw images).  "
    "[default: MODEL-interpolated.png]",
)
@opening_flags
def command(model: str, one: str, other: str, count: int, seed: int | None, output: str | None, **given: Any) -> None:
    """Make the images from A to B, in even steps.

    A and B are images for a MODEL that encodes them: the way leads through its latents, between their reconstructions.
    For a MODEL that makes samples from noise alone they are sample numbers of a seed, as `aigc-zoo run` counts them:
    the way leads through the noise, along the great circle between the two.
    """
    begun = begin("interpolate", model, output, "interpolated.png", given)
    from aigc_core.run import write_pictures as writing
    from aigc_core.run.numbers import whole_number

    count = whole_number(count, "count", 2)
    writing.check_output(begun.output, animated=True)
    if begun.manifest.interpolates_samples:
        _between_samples(begun, _number(begun, one), _number(begun, other), count, 0 if seed is None else seed)
    elif seed is not None:
        raise WrongUse(f"{begun.entry.id} interpolates between images, which have no seed: leave out --seed.")
    else:
        _between_images(begun, one, other, count)


def _number(begun: Begun, text: str) -> int:
    """Return a sample's number. Raises ``WrongUse`` where it is none, such as an image's name."""
    if not (text.isascii() and text.isdigit()):
        reason = f"{begun.entry.id} has no encoder, so it cannot begin or end at {text}: A and B are numbers of samples"
        raise WrongUse(
            f"{reason}.", f"Such as: aigc-zoo interpolate {begun.name} 0 5; see them: aigc-zoo run {begun.name}"
        )
    from aigc_core.run.numbers import whole_number

    return whole_number(int(text[:20]), "A sample's number", 0)


def _between_samples(begun: Begun, one: int, other: int, count: int, seed: int) -> None:
    from aigc_core.run import receipt as receipts
    from aigc_core.run.between import between_samples
    from aigc_core.run.numbers import whole_number
    from aigc_core.run.pictures import Place

    seed = whole_number(seed, "seed", 0)
    channels, height, width = begun.manifest.output["shape"]

    def made(loaded: Model) -> tuple[Iterator[Samples], dict[str, Any]]:
        receipt = receipts.of_samples(loaded, one, other, seed, begun.options)
        return between_samples(loaded, one, other, count, seed, begun.options), receipt

    _write(begun, (channels, height, width), Place(0, 0, height, width), count, made)
    begun.tell(f"{count:,} images from sample {one:,} to {other:,} of seed {seed}")


def _between_images(begun: Begun, one: str, other: str, count: int) -> None:
    from aigc_core.run import receipt as receipts
    from aigc_core.run.autoencode import check_ends, interpolated
    from aigc_core.run.pictures import around, read_all

    ends = read_all([one, other], begun.manifest.input)
    levels = [picture.levels for picture in ends]
    check_ends(levels)
    place = around(ends[0].place, ends[1].place)

    def made(loaded: Model) -> tuple[Iterator[Samples], dict[str, Any]]:
        receipt = receipts.of_files(loaded, "interpolate", [picture.facts for picture in ends], begun.options)
        return interpolated(loaded, levels, count, begun.options), receipt

    _write(begun, (len(levels[0]), place.height, place.width), place, count, made)
    scaled = [f"{path} {picture.scaled}" for path, picture in zip((one, other), ends, strict=True) if picture.scaled]
    begun.tell(f"{count:,} images from {one} to {other}" + (f" ({', '.join(scaled)})" if scaled else ""))


def _write(
    begun: Begun,
    shape: tuple[int, int, int],
    place: Place,
    count: int,
    made: Callable[[Model], tuple[Iterator[Samples], dict[str, Any]]],
) -> None:
    """Check the output, load the model, and write what ``made`` makes with it, with the receipt that it returns."""
    from aigc_core.run import write_pictures as writing

    work = writing.Work(begun.output, f"{begun.entry.id}-interpolated", [shape] * count, count)
    writing.check(work)
    images, receipt = made(begun.load())
    receipt |= {"count": count}
    with samples_bar(count, count <= 64) as progress:
        writing.write_pictures(work, writing.followed(writing.cut(images, [place] * count), progress), receipt)
    begun.announce(receipt)
