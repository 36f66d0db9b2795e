"""``aigc-zoo score``: how likely a language model finds a text, or another model images."""

from __future__ import annotations

import gc
from typing import Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import model_names
from aigc_core.cli.opening import Opening, opening_flags
from aigc_core.errors import WrongUse

OF_IMAGES = ("data", "part", "estimator", "draws", "rounds", "count", "seed", "label")
"""Flags that a language model has no use for; each is None where it was not given."""


@click.command("score")
@click.argument("model", shell_complete=model_names)
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--data", metavar="PATH", help="Score the data that the model's recipe names; they are in PATH.")
@click.option(
    "--part", type=click.Choice(["train", "validation", "test"]), help="Which part of the data.  [default: test]"
)
@click.option(
    "--estimator",
    type=click.Choice(["elbo", "iwae", "nll"]),
    help="A lower bound of ln p (elbo, iwae), or -ln p by importance sampling (nll).  "
    "[default: nll; the exact -ln p where the model gives it]",
)
@click.option("--draws", type=click.INT, help="Latents drawn for each image in a round.  [default: 200]")
@click.option("--rounds", type=click.INT, help="How often that is done anew.  [default: 1]")
@click.option("--count", type=click.INT, help="Score so many of the data, never just the first.  [default: all]")
@click.option("--seed", type=click.INT, help="Seed of the draws.  [default: 0]")
@click.option("--class", "label", type=click.INT, help="The images' class, of a model that is given one.")
@opening_flags
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/score/1 or score-images/1).")
def command(model: str, files: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Say how likely MODEL finds the text in FILE, UTF-8, or - for the standard input; or the images in FILE...

    Of a text: nats per token, which are those of one tokenizer, and bits per byte, which compare between models. Of
    images: nats an image by an estimator that the number is named after, of files or of the data that the model's
    recipe names (--data).
    """
    interrupt.install()
    gc.enable()  # start-up is over
    opening = Opening.of(given)
    entry = opening.find(model)
    assert entry.manifest is not None
    if entry.manifest.output.get("kind") != "text":
        from aigc_core.cli.score_images import score_images

        score_images(model, files, entry, opening, as_json, given)
        return
    if flags := [name.replace("label", "class") for name in OF_IMAGES if given[name] is not None]:
        raise WrongUse(f"{entry.id} is scored on a text, so --{flags[0]} has no meaning.", "Leave it out.")
    if len(files) != 1:
        raise WrongUse(f"{entry.id} is scored on one text, and {len(files)} are named.", f"aigc-zoo score {model} FILE")
    from aigc_core.cli.score_text import score_text

    score_text(model, files[0], entry, opening, as_json)
