"""The reference pages that are made from the code and the schemas; none of them is written by hand."""

from collections.abc import Callable
from pathlib import Path

from generate import cli, hooks, problems, schemas, states

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli.page,
    "model-manifest.md": lambda: schemas.page("model", "Model manifest"),
    "plugin-manifest.md": lambda: schemas.page("plugin", "Plugin manifest"),
    "recipe.md": lambda: schemas.page("recipe", "Recipe"),
    "problems.md": problems.page,
    "hooks.rst": hooks.page,
    "states.md": states.page,
}


def write_pages(folder: Path) -> None:
    """Write every page into a folder; one that has not changed keeps its time, so that Sphinx skips it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        text, path = make(), folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
