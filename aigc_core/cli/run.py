"""``aigc-zoo run``: make samples with a model. Its flags are the core's own and those of the model's manifest."""

from __future__ import annotations

import gc
from collections.abc import Collection
from typing import Any

import click
from click.core import ParameterSource

from aigc_core import interrupt
from aigc_core.cli.completing import model_names
from aigc_core.cli.model_flags import ModelCommand, given_options
from aigc_core.cli.opening import Opening, opening_flags
from aigc_core.cli.progress import samples_bar
from aigc_core.errors import CheckFailed, WrongUse

_IMAGES_ONLY = ("latent", "save_latent")
_NOT_WITH_LATENT = ("count", "seed", "start", "save_latent")
_TEXT_ONLY = ("prompt_text", "prompt_file", "stream", "as_json")
_BESIDE_AGAIN = ("again", "output", "quiet", "locked", "accept_licence")
_NOT_IN_A_CHAT = (*_TEXT_ONLY, *_IMAGES_ONLY, "prompt", "again", "count", "start", "output", "batch_size")


@click.command("run", cls=ModelCommand)
@click.argument("model", required=False, shell_complete=model_names)
@click.argument("prompt_text", required=False, metavar="[PROMPT]")
@click.option("-n", "--count", type=click.INT, help="How many samples.  [default: 64 images (large: fewer), 1 text]")
@click.option("--seed", type=click.INT, default=0, show_default=True, help="Equal seeds give equal samples.")
@click.option("--start", type=click.INT, default=0, show_default=True, help="Index of the first sample.")
@click.option(
    "-o",
    "--output",
    help="Images: a .png (a sheet), a DIR/ (single PNGs), a .npy or .safetensors (raw samples); texts: a .txt or a "
    ".jsonl.  [default: MODEL-SEED.png; texts go to the standard output]",
)
@click.option("--latent", metavar="FILE", help="Make the images of the noise in FILE, as the next wrote it.")
@click.option("--save-latent", metavar="FILE", help="Write the images' noise too: a .npy or .safetensors.")
@click.option("--prompt-file", metavar="FILE", help="Read the prompt from FILE, UTF-8, without its last line's end.")
@click.option("--stream/--no-stream", default=None, help="Show a text as it is made.  [default: on a terminal, of one]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a text and line (schema aigc-zoo/run/1).")
@click.option("--chat", is_flag=True, help="Talk with an instruct model, a line a turn; /help says what else.")
@click.option(
    "--batch-size", type=click.INT, help="Samples computed at once.  [default: 64 images (large: 1), 8 texts]"
)
@click.option("--again", metavar="FILE", help="Make FILE again from its receipt and say whether the bytes agree.")
@opening_flags
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors, and texts that go nowhere else.")
def command(model: str | None, again: str | None, chat: bool, quiet: bool, **given: Any) -> None:
    """Make samples with MODEL and write them to a file that says how to make it again.

    Texts are shown, or written where -o says. Their PROMPT is the second word, or what --prompt-file names, or what is
    piped in; of a file and of a pipe, one line end at the very end is left out.
    """
    interrupt.install()
    gc.enable()  # start-up is over
    if again is not None:
        beside = [str(param.name) for param in _given() if param.name not in _BESIDE_AGAIN]
        _refuse(beside, "--again takes everything from the file's receipt: leave out {}.")
        _again(again, given["output"], quiet, given["locked"], given["accept_licence"])
    elif model is None:
        raise WrongUse("Which model?", "See: aigc-zoo list")
    elif chat:
        from aigc_core.cli import chat as chatting

        _refuse(_NOT_IN_A_CHAT, "A chat takes its prompts one after another, and shows what comes: leave out {}.")
        opening = Opening.of(given)
        own = {name: value for name, value in given.items() if name not in _NOT_IN_A_CHAT}
        chatting.run(model, opening, seed=own.pop("seed"), quiet=quiet, options=given_options(own))
    else:
        _run(model, quiet, **given)


def _run(
    name: str,
    quiet: bool,
    count: int | None,
    seed: int,
    start: int,
    output: str | None,
    prompt_text: str | None,
    prompt_file: str | None,
    stream: bool | None,
    as_json: bool,
    batch_size: int | None,
    latent: str | None,
    save_latent: str | None,
    **flags: Any,
) -> None:
    opening = Opening.of(flags)
    entry = opening.find(name)
    assert entry.manifest is not None
    from aigc_core.run.capabilities import require

    require(entry.manifest, "generate", name)
    options = given_options(flags)
    if entry.manifest.output.get("kind") == "text":
        from aigc_core.cli import run_text
        from aigc_core.cli.given_text import given_prompt

        _refuse(_IMAGES_ONLY, f"{entry.id} is a text model, whose noise is no latent: leave out {{}}.")
        options |= given_prompt(prompt_text, prompt_file, options, entry.manifest)
        asked = run_text.Asked(count, seed, start, output, stream, as_json, batch_size, quiet)
        run_text.run(name, entry, opening, asked, options)
    else:
        kind = entry.manifest.output.get("kind")
        _refuse(_TEXT_ONLY, f"{entry.id} makes {kind}s from noise alone, it is no text model: leave out {{}}.")
        from aigc_core.cli import run_images

        if latent is not None:
            _refuse(_NOT_WITH_LATENT, "--latent says what is made, and of how many: leave out {}.")
        wanted = run_images.Asked(count, seed, start, output, batch_size, latent, save_latent, quiet)
        run_images.run(name, entry, opening, wanted, options)


def _given() -> list[click.Parameter]:
    """Return the parameters that stand on the command line."""
    context = click.get_current_context()
    return [
        param
        for param in context.command.get_params(context)
        if param.name and context.get_parameter_source(param.name) == ParameterSource.COMMANDLINE
    ]


def _refuse(names: Collection[str], sentence: str) -> None:
    """Raise ``WrongUse`` where one of the parameters stands on the command line; the sentence names it at ``{}``."""
    for param in _given():
        if param.name in names:
            shown = param.human_readable_name.strip("[]") if isinstance(param, click.Argument) else param.opts[-1]
            raise WrongUse(sentence.format(shown))


def _again(path: str, output: str | None, quiet: bool, locked: bool, accept_licence: bool) -> None:
    from aigc_core.run.again import again
    from aigc_core.run.batches import BATCH
    from aigc_core.run.receipt import read

    first, end = read(path)["indices"]
    with samples_bar(end - first, quiet or end - first <= BATCH) as progress:
        result = again(path, output, progress, locked=locked, accept_licence=accept_licence)
    if not result.equal:
        raise CheckFailed(f"{path} came out otherwise: {'; '.join(result.differences)}.")
    if not quiet:
        agree = (
            f"every sample agrees, but {'; '.join(result.differences)}" if result.differences else "every byte agrees"
        )
        click.echo(f"{path}: made again, {agree}.")
