"""``aigc-zoo search``: models on the Hub that an installed plugin can load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aigc_core.cli.output import echo_json, echo_table
from aigc_core.errors import WrongUse

if TYPE_CHECKING:
    from aigc_core.hub.search import Found


@click.command("search")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="The most to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/search/1).")
def command(words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Search the Hub for models that can be run here: by the words in their name, most downloaded first."""
    from aigc_core import discovery
    from aigc_core.hub.search import questions, search

    text = " ".join(" ".join(words).split())
    if not text:
        raise WrongUse("There is no word to search for.", "Try: aigc-zoo search gpt2")
    found = search(text, limit)
    if as_json:
        models = [{**each._asdict(), "model": f"hf:{each.repo_id}", "plugins": list(each.plugins)} for each in found]
        echo_json("search", {"words": text, "models": models})
    elif found:
        rows = [_row(each) for each in found]
        echo_table(["model", "plugin", "downloads", "licence", "access", "changed"], rows, state=4)
    else:
        click.echo("No model on the Hub that can be run here has such a name.", err=True)
    if not questions(discovery.usable(discovery.plugins())):
        why = "No installed plugin claims other models than this zoo's own, so only those were asked for."
        click.echo(f"{why} See: aigc-zoo plugins", err=True)


def _row(found: Found) -> list[str]:
    downloads = "-" if found.downloads is None else f"{found.downloads:,}"
    facts = [f"hf:{found.repo_id}", ", ".join(found.plugins) or "-", downloads, found.license or "-"]
    return [*facts, "gated" if found.gated else "", (found.last_modified or "-")[:10]]
