"""What the shell offers for a name; an error here offers nothing."""

from __future__ import annotations

from collections.abc import Callable

import click

from aigc_core import discovery, registry
from aigc_core.errors import ZooError


def model_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the models that start with what is typed."""
    return _starting(incomplete, lambda: [entry.id for entry in registry.entries()])


def models_that(capability: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what offers the models that have a capability and start with what is typed."""

    def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        return _starting(
            incomplete,
            lambda: [
                entry.id for entry in registry.entries() if entry.manifest and capability in entry.manifest.capabilities
            ],
        )

    return names


def recipe_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the installed recipes that start with what is typed."""
    from aigc_core.train.recipe import installed

    return _starting(incomplete, lambda: list(installed()))


def plugin_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the plugins that start with what is typed."""
    return _starting(incomplete, lambda: [plugin.name for plugin in discovery.plugins()])


def _starting(incomplete: str, names: Callable[[], list[str]]) -> list[str]:
    try:
        return sorted({name for name in names() if name.startswith(incomplete)})
    except ZooError:
        return []
