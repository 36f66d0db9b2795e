"""Names to manifests: the user's own folder, the installed plugins' models and the built-in index, in this order."""

from __future__ import annotations

import os
from typing import NamedTuple

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable, Refused, WrongUse, ZooError, did_you_mean
from aigc_core.hub import cache, lock
from aigc_core.hub.names import is_folder, is_hub_name
from aigc_core.manifest.model import ModelManifest, is_repo_id
from aigc_core.manifest.plugin import api_problem, shared_options
from aigc_core.manifest.read import Malformed
from aigc_core.paths import home

RUNNABLE = ("ready", "not fetched")
"""States in which a model can be run."""
_HUB = (*RUNNABLE, "not pinned")
_RANKS = {"user": 0, "registry": 2}


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
    """Who lists it: ``plugin NAME``, ``registry`` or ``user``; ``hf`` or ``folder`` for one that nobody lists."""
    state: str
    """``ready``, ``not fetched`` (a run fetches it), ``not pinned``, a plugin's state (``disabled`` ...), ``conflict``,
    ``broken`` or ``no plugin``."""
    reason: str = ""
    repair: str = ""
    ref: str = ""
    """What was typed for a model that nobody lists: ``hf:ORG/NAME[@REVISION]`` or ``./FOLDER``."""

    @property
    def qualified(self) -> str:
        """The name that is never ambiguous: ``plugin:id``, ``registry:id``, ``user:id``, ``hf:ORG/NAME@COMMIT``."""
        if self.origin == "hf" and self.manifest and self.manifest.revision:
            return f"hf:{self.manifest.repo_id}@{self.manifest.revision}"
        return self.ref or f"{self.origin.removeprefix('plugin ')}:{self.id}"

    @property
    def lock_name(self) -> str:
        """The name that a lock file has it under."""
        return self.ref or self.id

    def error(self) -> ZooError:
        """Return the error that running this model is, in one sentence."""
        kind = {"conflict": WrongUse, "not pinned": Refused}.get(self.state, NotAvailable)
        hint = f"Try: {self.repair}" if self.repair else ""
        return kind(f"Model {self.id} cannot be run ({self.state}): {self.reason}.", hint)


def entries() -> list[Entry]:
    """Return every model that is known, by id. Raises ``WrongUse`` where the settings or a lock file is damaged."""
    return _conflicts(_shown(_all()))


def find(name: str, *, locked: bool = True) -> Entry:
    """Return the model that an id, ``origin:id``, ``hf:ORG/NAME[@REVISION]`` or ``./FOLDER`` means, in whatever state.

    Nothing is asked of the Hub. ``locked=False`` leaves the project's lock file out. Raises ``WrongUse`` where there is
    none, with a near name, and where two plugins list the same id.
    """
    if is_hub_name(name) or is_folder(name):
        from aigc_core.hub import repository

        return repository.entry(name)
    known = _all(locked)
    matches = [entry for entry in known if entry.qualified == name]
    matches = matches or [entry for entry in _conflicts(_shown(known)) if entry.id == name]
    if not matches:
        near = did_you_mean(name, [entry.id for entry in known])
        raise WrongUse(f"No model {name} is known.{near}", _elsewhere(name))
    matches.sort(key=lambda entry: entry.state not in ("ready", "conflict"))
    if matches[0].state == "conflict":
        raise matches[0].error()
    return matches[0]


def _elsewhere(name: str) -> str:
    """Return where a name that nobody lists may be meant to be."""
    if is_repo_id(name):
        return f"On the Hub: hf:{name}"
    return f"The folder: ./{name}" if os.path.isdir(name) else "See: aigc-zoo list"


def _all(locked: bool = True) -> list[Entry]:
    plugins = discovery.plugins()
    by_name = plugins_by_name(plugins)
    found = _folder(builtin_folder(), "registry", by_name) + _folder(user_folder(), "user", by_name)
    for plugin in plugins:
        if plugin.package:
            found += _folder(
                os.path.join(plugin.zoo, "models"), f"plugin {plugin.name}", by_name | {plugin.name: plugin}
            )
    pins = lock.read(lock.project_path()) if locked else {}
    found = [_locked(entry, pins[entry.id]) if entry.id in pins else entry for entry in found]
    return sorted(found, key=lambda entry: (entry.id, entry.origin))


def plugins_by_name(plugins: list[Plugin]) -> dict[str, Plugin]:
    """Return the plugin that each name means: of two that claim it, the disabled one steps back."""
    return {plugin.name: plugin for plugin in sorted(plugins, key=lambda one: one.state != "disabled")}


def _locked(entry: Entry, pin: lock.Pin) -> Entry:
    """Let the project's lock file say which commit and files a model on the Hub has."""
    if entry.manifest is None or entry.manifest.source != "hub":
        return entry
    if pin.repo_id != entry.manifest.repo_id:
        reason = f"{lock.NAME} pins it to {pin.repo_id}, its manifest says {entry.manifest.repo_id}"
        return entry._replace(state="broken", reason=reason, repair=f"aigc-zoo lock {entry.id}")
    pickled = {(file.path, file.sha256) for file in entry.manifest.files if file.format == "pickle"}
    pickles = [file for file in pin.files if file.format == "pickle"]
    if asked := [file.path for file in pickles if (file.path, file.sha256) not in pickled]:
        reason = f"{lock.NAME} asks for {asked[0]}, a pickle, and its manifest does not"
        return entry._replace(state="broken", reason=reason, repair=f"aigc-zoo lock {entry.id}")
    manifest = entry.manifest._replace(revision=pin.revision, files=pin.files)
    entry = entry._replace(manifest=manifest)
    return judged(entry) if entry.state in _HUB else entry


def _shown(found: list[Entry]) -> list[Entry]:
    """Drop what is overlaid: the user's manifest of an id comes before a plugin's, a plugin's before the index's."""
    rank: dict[str, int] = {}
    for entry in found:
        rank[entry.id] = min(rank.get(entry.id, 9), _RANKS.get(entry.origin, 1))
    return [entry for entry in found if _RANKS.get(entry.origin, 1) == rank[entry.id]]


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
    folder = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    entry = Entry(os.path.basename(path)[:-5], path, folder, None, None, origin, "broken")
    try:
        manifest = ModelManifest.read(path)
    except Malformed as error:
        return entry._replace(reason=str(error), repair="aigc-zoo doctor")
    if manifest.id != entry.id:  # so that one folder cannot list an id twice
        reason = f"{path} says id {manifest.id}, so it must be named {manifest.id}.json"
        return entry._replace(reason=reason, repair="aigc-zoo doctor")
    return judged(entry._replace(manifest=manifest, plugin=plugins.get(manifest.plugin)))


def judged(entry: Entry) -> Entry:
    """Return an entry that has a manifest with the state that it is in, its reason and its repair."""
    manifest, plugin = entry.manifest, entry.plugin
    assert manifest is not None
    if plugin is None:
        reason = f"it needs the plugin {manifest.plugin}, which is not installed"
        listed = not entry.ref  # what a stranger's repository asks to be installed is not repeated as a command
        repair = f"pip install {manifest.distribution}" if manifest.distribution and listed else "aigc-zoo plugins"
        return entry._replace(state="no plugin", reason=reason, repair=repair)
    reason, repair = api_problem(manifest.api, plugin.distribution)
    if reason:
        return entry._replace(state="incompatible", reason=f"it {reason}", repair=repair)
    if plugin.state != "registered":
        reason = f"plugin {plugin.name} of {plugin.distribution} {plugin.version}: {plugin.reason}"
        return entry._replace(state=plugin.state, reason=reason, repair=plugin.repair)
    if plugin.manifest and manifest.architecture not in plugin.manifest.components.get("generators", {}):
        reason = f"plugin {plugin.name} of {plugin.distribution} {plugin.version} has no {manifest.architecture}"
        return entry._replace(state="no plugin", reason=reason, repair=f"pip install --upgrade {plugin.distribution}")
    try:
        manifest = _with_options(manifest, plugin)
    except Malformed as error:
        return entry._replace(
            state="broken",
            reason=f"plugin {plugin.name} of {plugin.distribution} {plugin.version}: {error}",
            repair=f"pip install --force-reinstall {plugin.distribution}",
        )
    entry = entry._replace(manifest=manifest)
    if not manifest.pinned:
        lacking = next((f"the hash of {file.path}" for file in manifest.files if not file.pinned), "its commit")
        reason = f"{lacking} is not known, so its files could not be verified"
        command = "aigc-zoo pin" if manifest.source == "hub" else "python -m aigc_core.manifest"
        repair = f"{command} {entry.id if manifest.source == 'hub' else entry.path}"
        return entry._replace(state="not pinned", reason=reason, repair=repair)
    sizes = [file.size for file in manifest.files if not _is_here(manifest, file.path, file.size)]
    if sizes:
        reason = f"{sum(sizes) / 1e6:,.1f} MB are to be fetched from {manifest.repo_id}"
        return entry._replace(state="not fetched", reason=reason, repair=f"aigc-zoo pull {entry.lock_name}")
    return entry._replace(state="ready", reason="", repair="")


def _with_options(manifest: ModelManifest, plugin: Plugin) -> ModelManifest:
    """Return a manifest that says nothing of options with those that its plugin has for the architecture."""
    names = plugin.manifest.options if plugin.manifest else {}
    if manifest.architecture not in names or "options" in manifest.document["use"]:
        return manifest
    return manifest._replace(options=shared_options(plugin.zoo, names[manifest.architecture]))


def _is_here(manifest: ModelManifest, name: str, size: int) -> bool:
    """Say whether a file is in place, by its size alone; every load looks at its bytes."""
    if manifest.source == "bundled":
        return True
    try:
        return os.path.getsize(cache.path(manifest.repo_id, manifest.revision, name)) == size
    except OSError:
        return False


def _conflicts(found: list[Entry]) -> list[Entry]:
    """Mark models whose id another usable model has too; ``origin:id`` still runs either."""
    claims: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.state in RUNNABLE:
            claims.setdefault(entry.id, []).append(entry)
    return [
        entry._replace(
            state="conflict",
            reason="the id is listed by " + " and ".join(_lister(other) for other in claims[entry.id]),
            repair=f"aigc-zoo run {entry.qualified}",
        )
        if entry.state in RUNNABLE and len(claims[entry.id]) > 1
        else entry
        for entry in found
    ]


def _lister(entry: Entry) -> str:
    if entry.plugin and entry.origin == f"plugin {entry.plugin.name}":
        return f"{entry.plugin.distribution} {entry.plugin.version}"
    return entry.origin if entry.origin.startswith("plugin") else f"the {entry.origin} folder"
