"""``aigc-zoo serve``: language models over HTTP, as OpenAI's API has it."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import model_names
from aigc_core.cli.opening import Opening, opening_flags
from aigc_core.cli.progress import say
from aigc_core.errors import NotAvailable, WrongUse

if TYPE_CHECKING:
    from aigc_core.serve.served import Served


@click.command("serve")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", shell_complete=model_names)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; others need an API key.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--rows", type=click.IntRange(1, 1024), default=8, show_default=True, help="Texts written at once.")
@click.option("--queue", type=click.IntRange(0, 100_000), default=64, show_default=True, help="Texts that may wait.")
@click.option("--max-tokens", type=click.IntRange(1), default=4096, show_default=True, help="New tokens of one text.")
@click.option("--max-body", type=click.IntRange(1000), default=1_000_000, show_default=True, help="Bytes of a request.")
@click.option(
    "--api-key-file",
    type=click.Path(),
    help="A file with the key that clients must send. [default: the variable AIGC_ZOO_API_KEY]",
)
@opening_flags
def command(models: tuple[str, ...], host: str, port: int, api_key_file: str | None, **given: Any) -> None:
    """Serve each MODEL over HTTP, as OpenAI's API does: completions, chat completions, models; streaming too.

    Requests are written side by side, up to --rows at once. Ctrl-C lets the texts that are being written end.
    """
    interrupt.install()
    gc.enable()  # start-up is over
    _check_installed()
    import asyncio

    from aigc_core.serve.app import App
    from aigc_core.serve.keys import VARIABLE, is_loopback, read_key
    from aigc_core.serve.limits import Limits
    from aigc_core.serve.server import listen, serve, url

    key = read_key(api_key_file)
    if not key and not is_loopback(host):
        hint = f"Put a key into a file and give --api-key-file FILE, or set {VARIABLE}."
        raise WrongUse(f"Anybody who reaches {host} could use the models: that takes an API key.", hint)
    limits = Limits(body=given.pop("max_body"), tokens=given.pop("max_tokens"))
    opening = Opening.of(given)
    with contextlib.closing(listen(host, port)) as listener:
        served = [_load(name, opening, **given) for name in dict.fromkeys(models)]

        def started() -> None:
            names = ", ".join(model.name for model in served)
            click.echo(f"Serving {names} at {url(listener, host)}; Ctrl-C stops it.")

        interrupt.defer()
        asyncio.run(serve(App(served, host, key, limits, _report), listener, started, interrupt.pending))


def _check_installed() -> None:
    """Raise ``NotAvailable`` where the extra is missing."""
    from importlib.util import find_spec

    if find_spec("uvicorn") is None:
        raise NotAvailable("The server needs uvicorn, which is not installed.", 'Try: pip install "aigc-core[serve]"')


def _load(name: str, opening: Opening, rows: int, queue: int) -> Served:
    """Load a model that is to be served. Raises ``WrongUse`` for one that writes no text token by token."""
    from aigc_core.run.speak import language_model
    from aigc_core.serve.served import Served

    model = opening.load(name, opening.find(name), quiet=False)
    manifest, speaker = model.manifest, language_model(model, "be served")
    weights = {file.path: file.sha256 for file in manifest.files}
    return Served(manifest.id, speaker, manifest.options, weights, rows, queue, _report)


def _report(text: str) -> None:
    """Tell of a fault; where nobody can be told, the server goes on all the same."""
    with contextlib.suppress(OSError, ValueError):
        say(text)
