"""Names to manifests: the built-in index, the installed plugins' models, and the user's own folder."""

from __future__ import annotations

import os
from typing import NamedTuple

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable, WrongUse, ZooError, did_you_mean
from aigc_core.manifest.model import ModelManifest
from aigc_core.manifest.plugin import api_problem
from aigc_core.manifest.read import Malformed
from aigc_core.paths import home


class Entry(NamedTuple):
    """One model that is known by name, usable or not."""

    id: str
    path: str
    """Its manifest file."""
    folder: str
    """Where its bundled files lie."""
    manifest: ModelManifest | None
    plugin: Plugin | None
    """The plugin that runs it; None where that is not installed."""
    origin: str
    """Who lists it: ``plugin NAME``, ``registry`` or ``user``."""
    state: str
    """``ready``, a plugin's state (``disabled`` ...), ``conflict``, ``broken``, ``no plugin`` or ``not fetched``."""
    reason: str = ""
    repair: str = ""

    @property
    def qualified(self) -> str:
        """The name that is never ambiguous: ``plugin:id``, ``registry:id`` or ``user:id``."""
        return f"{self.origin.removeprefix('plugin ')}:{self.id}"

    def error(self) -> ZooError:
        """Return the error that running this model is, in one sentence."""
        kind = WrongUse if self.state == "conflict" else NotAvailable
        hint = f"Try: {self.repair}" if self.repair else ""
        return kind(f"Model {self.id} cannot be run ({self.state}): {self.reason}.", hint)


def entries() -> list[Entry]:
    """Return every model that is known, by id. Raises ``WrongUse`` where the settings file is damaged."""
    return _conflicts(_all())


def find(name: str) -> Entry:
    """Return the model that an id or ``origin:id`` means, in whatever state.

    Raises ``WrongUse`` where there is none, with a near name, and where two list the same id.
    """
    known = _all()
    matches = [entry for entry in known if entry.qualified == name]
    matches = matches or [entry for entry in _conflicts(known) if entry.id == name]
    if not matches:
        near = did_you_mean(name, [entry.id for entry in known])
        raise WrongUse(f"No model {name} is known.{near}", "See: aigc-zoo list")
    matches.sort(key=lambda entry: entry.state not in ("ready", "conflict"))
    if matches[0].state == "conflict":
        raise matches[0].error()
    return matches[0]


def _all() -> list[Entry]:
    plugins = discovery.plugins()
    # Of two that claim a name, the disabled one steps back.
    by_name = {plugin.name: plugin for plugin in sorted(plugins, key=lambda one: one.state != "disabled")}
    found = _folder(builtin_folder(), "registry", by_name) + _folder(user_folder(), "user", by_name)
    for plugin in plugins:
        if plugin.package:
            found += _folder(
                os.path.join(plugin.zoo, "models"), f"plugin {plugin.name}", by_name | {plugin.name: plugin}
            )
    return sorted(found, key=lambda entry: (entry.id, entry.origin))


def builtin_folder() -> str:
    """Return the zoo's index: inside the installed package, or beside it in a checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(here, "_registry")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(here), "registry")


def user_folder() -> str:
    """Return the folder of the user's own manifests."""
    return os.path.join(home("data"), "models")


def _folder(folder: str, origin: str, plugins: dict[str, Plugin]) -> list[Entry]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError:
        return []
    return [_read(os.path.join(folder, name), origin, plugins) for name in names]


def _read(path: str, origin: str, plugins: dict[str, Plugin]) -> Entry:
    folder = os.path.dirname(os.path.dirname(path))
    entry = Entry(os.path.basename(path)[:-5], path, folder, None, None, origin, "broken")
    try:
        manifest = ModelManifest.read(path)
    except Malformed as error:
        return entry._replace(reason=str(error), repair="aigc-zoo doctor")
    if manifest.id != entry.id:  # so that one folder cannot list an id twice
        reason = f"{path} says id {manifest.id}, so it must be named {manifest.id}.json"
        return entry._replace(reason=reason, repair="aigc-zoo doctor")
    entry = entry._replace(manifest=manifest, plugin=plugins.get(manifest.plugin))
    plugin = entry.plugin
    if plugin is None:
        reason = f"it needs the plugin {manifest.plugin}, which is not installed"
        return entry._replace(state="no plugin", reason=reason, repair="aigc-zoo plugins")
    reason, repair = api_problem(manifest.api, plugin.distribution)
    if reason:
        return entry._replace(state="incompatible", reason=f"it {reason}", repair=repair)
    if manifest.source != "bundled":
        reason = "its weights are on the Hugging Face Hub, which aigc-core cannot fetch from yet"
        return entry._replace(state="not fetched", reason=reason)
    if plugin.state == "registered":
        return entry._replace(state="ready")
    reason = f"plugin {plugin.name} of {plugin.distribution} {plugin.version}: {plugin.reason}"
    return entry._replace(state=plugin.state, reason=reason, repair=plugin.repair)


def _conflicts(found: list[Entry]) -> list[Entry]:
    """Mark models whose id another usable model has too; ``origin:id`` still runs either."""
    claims: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.state == "ready":
            claims.setdefault(entry.id, []).append(entry)
    return [
        entry._replace(
            state="conflict",
            reason="the id is listed by " + " and ".join(_lister(other) for other in claims[entry.id]),
            repair=f"aigc-zoo run {entry.qualified}",
        )
        if entry.state == "ready" and len(claims[entry.id]) > 1
        else entry
        for entry in found
    ]


def _lister(entry: Entry) -> str:
    if entry.plugin and entry.origin.startswith("plugin"):
        return f"{entry.plugin.distribution} {entry.plugin.version}"
    return f"the {entry.origin} folder"
