"""One model that is known by name, and whether it can be run: the first thing that keeps it from that, if any."""

from __future__ import annotations

import os
from typing import NamedTuple

from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable, Refused, WrongUse, ZooError
from aigc_core.hub import cache
from aigc_core.manifest.model import ModelManifest
from aigc_core.manifest.plugin import api_problem, shared_options
from aigc_core.manifest.read import Malformed

RUNNABLE = ("ready", "not fetched")
"""States in which a model can be run."""


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
