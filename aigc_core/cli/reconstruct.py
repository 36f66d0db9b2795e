"""``aigc-zoo reconstruct``: images through an autoencoder and back, beside the originals, and how near they come."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import models_that
from aigc_core.cli.model_flags import ModelCommand
from aigc_core.cli.of_files import begin
from aigc_core.cli.opening import opening_flags
from aigc_core.cli.output import finite, printable
from aigc_core.errors import counted

if TYPE_CHECKING:
    from aigc_core.interfaces import Samples
    from aigc_core.run.pictures import Picture


@click.command("reconstruct", cls=ModelCommand)
@click.argument("model", shell_complete=models_that("reconstruct"))
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path())
@click.option(
    "-o",
    "--output",
    help="A .png (a sheet, originals over reconstructions), a DIR/ (single PNGs), a .npy or .safetensors (raw "
    "reconstructions).  [default: MODEL-reconstructed.png]",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object an image and line (aigc-zoo/reconstruct/1).")
@opening_flags
def command(model: str, images: tuple[str, ...], output: str | None, as_json: bool, **given: Any) -> None:
    """Encode every IMAGE with MODEL, decode it again, and write what comes of it beside the original.

    An image that is larger than the model takes is scaled down, never stretched. PSNR and SSIM compare with what the
    model was given, on 8-bit levels. The means of the latents are decoded, so nothing is drawn at random.
    """
    begun = begin("reconstruct", model, output, "reconstructed.png", given)
    from aigc_core.run import write_pictures as writing

    writing.check_output(begun.output)

    from aigc_core.run import receipt as receipts
    from aigc_core.run.autoencode import reconstructed
    from aigc_core.run.pictures import read_all

    pictures = read_all(images, begun.manifest.input)
    seen = [picture.seen for picture in pictures]
    shapes, columns = [(len(each), *each.shape[1:]) for each in seen], writing.grid(len(seen), 2)
    work = writing.Work(begun.output, f"{begun.entry.id}-reconstructed", shapes, columns, seen)
    writing.check(work)
    loaded = begun.load()
    receipt = receipts.of_files(loaded, "reconstruct", [picture.facts for picture in pictures], begun.options)
    batches = reconstructed(loaded, [picture.levels for picture in pictures], begun.options)
    made = writing.cut(batches, [picture.place for picture in pictures])
    writing.write_pictures(work, _told(made, images, pictures, receipt, as_json), receipt)
    begun.announce(receipt)
    if not as_json:
        begun.tell(f"{counted(len(pictures), 'image')} reconstructed")


def _told(
    made: Iterator[Samples], paths: Sequence[str], pictures: Sequence[Picture], receipt: dict[str, Any], as_json: bool
) -> Iterator[Samples]:
    """Say of each reconstruction, as it comes, how near it is to its original; at the end, of all of them."""
    from aigc_core.run.similarity import psnr, ssim

    nearness = []
    for index, samples in enumerate(made):
        interrupt.check()
        picture, levels = pictures[index], samples.levels()[0]
        near = psnr(picture.seen, levels), ssim(picture.seen, levels)
        nearness.append(near)
        if as_json:
            line = _line(index, paths[index], picture, near) | {"receipt": receipt | {"inputs": [picture.facts]}}
            click.echo(json.dumps(line, ensure_ascii=False, allow_nan=False))
        else:
            scaled = f" ({picture.scaled})" if picture.scaled else ""
            click.echo(printable(f"{paths[index]}: {_shown(*near)}{scaled}"))
        yield samples
    if len(nearness) > 1 and not as_json:
        means = [sum(values) / len(nearness) for values in zip(*nearness, strict=True)]
        click.echo(f"mean of {len(nearness):,} images: {_shown(*means)}")


def _line(index: int, path: str, picture: Picture, near: tuple[float, float]) -> dict[str, Any]:
    return {
        "schema": "aigc-zoo/reconstruct/1",
        "index": index,
        "file": path,
        "size": [*picture.size],
        "seen": [picture.place.height, picture.place.width],
        "psnr": finite(near[0]),
        "ssim": near[1],
    }


def _shown(psnr: float, ssim: float) -> str:
    return f"PSNR {f'{psnr:.2f} dB' if math.isfinite(psnr) else 'infinite'}, SSIM {ssim:.4f}"
