"""Which plugin is under test: the one that is named, or the one whose source is here."""

from __future__ import annotations

import os

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.testing.settings import Settings, same_name


def under_test(named: str, folder: str) -> tuple[Plugin, Settings]:
    """Return the plugin and what its author says to the kit.

    ``named`` is its name or its distribution; empty, it is that of the project that ``folder`` lies in. Raises
    ``WrongUse`` and ``NotAvailable`` where there is none, or more than one.
    """
    settings = Settings.near(folder)
    if named:
        return _named(named, settings)
    if not settings.project:
        raise WrongUse(
            f"No pyproject.toml with a project is in {folder} or above.", "Name it: pytest --aigc-zoo=PLUGIN"
        )
    found = discovery.plugins()
    mine = [plugin for plugin in found if same_name(plugin.distribution, settings.project)]
    inside = os.path.join(os.path.realpath(settings.folder), "")
    mine = mine or [plugin for plugin in found if os.path.realpath(plugin.package).startswith(inside)]
    if not mine:
        raise NotAvailable(
            f"{settings.project} is not installed here, or registers no plugin.",
            "Install it, and look at its entry points: pip install -e .",
        )
    if len(mine) > 1:
        names = ", ".join(plugin.name for plugin in mine)
        raise WrongUse(f"{settings.project} holds several plugins: {names}.", "Name one: pytest --aigc-zoo=PLUGIN")
    return mine[0], settings


def _named(name: str, here: Settings) -> tuple[Plugin, Settings]:
    try:
        plugin = discovery.find(name)
    except WrongUse as error:
        if os.path.exists(name):
            raise WrongUse(f"{name} is a path, not a plugin.", f"Write: pytest {name} --aigc-zoo") from None
        raise error
    if same_name(plugin.distribution, here.project):
        return plugin, here
    return plugin, Settings.of_source(plugin.package, plugin.distribution)
