"""Which plugins are installed and in what state, from data alone: no plugin is imported here, ever.

A plugin is one entry point of the group ``aigc_zoo`` and one folder, ``zoo/`` in its top-level package.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from aigc_core.activations import Failures
from aigc_core.entry_points import EntryPoint, entry_points, name_and_version
from aigc_core.errors import NotAvailable, WrongUse, ZooError, did_you_mean
from aigc_core.manifest.plugin import PluginManifest, api_problem, is_name
from aigc_core.manifest.read import Malformed
from aigc_core.settings import disabled

GROUP = "aigc_zoo"

STATES = {
    "registered": "its JSON is known; it is imported when one of its models or hooks is used",
    "disabled": "the user said so; it is never imported",
    "incompatible": "it was made for a plugin API that this core does not offer; it is never imported",
    "conflict": "two distributions claim its name; neither is imported",
    "broken": "its files or its JSON are unusable; it is never imported",
    "failed": "importing it failed the last time; it is tried again when it is used",
}
"""Every state that a plugin can be in, and what it means."""


class Plugin(NamedTuple):
    """One installed plugin, usable or not."""

    name: str
    distribution: str
    version: str
    module: str
    """Dotted name of the module that the entry point names."""
    package: str
    """Folder of its top-level package; empty where there is none."""
    manifest: PluginManifest | None
    state: str
    """One of ``STATES``."""
    reason: str = ""
    repair: str = ""
    """The command that mends it."""

    @property
    def key(self) -> str:
        """What settings and records call it: two distributions may claim one name."""
        return f"{self.distribution}:{self.name}"

    @property
    def zoo(self) -> str:
        """Its folder of manifests, recipes and bundled weights."""
        return os.path.join(self.package, "zoo")

    def error(self) -> ZooError:
        """Return the error that using this plugin is, in one sentence."""
        kind = WrongUse if self.state == "conflict" else NotAvailable
        hint = f"Try: {self.repair}" if self.repair else ""
        return kind(f"Plugin {self.name} of {self.distribution} {self.version} is {self.state}: {self.reason}.", hint)


def plugins() -> list[Plugin]:
    """Return every installed plugin, by name. Raises ``WrongUse`` where the settings file is damaged."""
    off, failures = disabled(), Failures()
    found = sorted((_read(entry, off, failures) for entry in entry_points(GROUP)), key=lambda plugin: plugin[:2])
    return _conflicts(found)


def usable(found: list[Plugin]) -> list[Plugin]:
    """Return those that may be activated; a recorded failure is no bar, for it may have been mended since."""
    return [plugin for plugin in found if plugin.state in ("registered", "failed")]


def find(name: str) -> Plugin:
    """Return the plugin that a name, a distribution or ``distribution:name`` means, in whatever state.

    Raises ``WrongUse`` where there is none, with a near name, and where two distributions claim the name.
    """
    known = plugins()
    for matches in (
        [plugin for plugin in known if plugin.key == name],
        [plugin for plugin in known if plugin.name == name],
        [plugin for plugin in known if _same(plugin.distribution, name)],
    ):
        if len({plugin.key for plugin in matches}) == 1:
            return matches[0]
        if matches:
            claims = " and ".join(plugin.key for plugin in matches)
            raise WrongUse(f"{name} can mean {claims}.", f"Say which, such as {matches[0].key}.")
    names = [plugin.name for plugin in known]
    raise WrongUse(f"No plugin {name} is installed.{did_you_mean(name, names)}", "See: aigc-zoo plugins")


def _read(entry: EntryPoint, off: set[str], failures: Failures) -> Plugin:
    distribution, version = name_and_version(entry.info)
    module = entry.value.partition(":")[0].partition("[")[0].strip()
    plugin = Plugin(entry.name, distribution, version, module, "", None, "broken")
    if plugin.key in off:
        plugin = plugin._replace(state="disabled", repair=f"aigc-zoo enable {plugin.key}")
    reinstall = f"pip install --force-reinstall {distribution}, or aigc-zoo disable {plugin.key}"
    if not is_name(entry.name) or not re.fullmatch(r"\w+(\.\w+)*", module):
        return _broken(plugin, f"entry point '{entry.name} = {entry.value}' is malformed", reinstall)
    package = _package_folder(module.partition(".")[0])
    if not package:
        return _broken(plugin, f"its package {module.partition('.')[0]} is not on the Python path", reinstall)
    plugin = plugin._replace(package=package)
    path = os.path.join(package, "zoo", "plugin.json")
    if not os.path.exists(path):
        return _broken(plugin, f"{path} is missing", reinstall)
    try:
        manifest = PluginManifest.read(path)
    except Malformed as error:
        return _broken(plugin, str(error), reinstall)
    plugin = plugin._replace(manifest=manifest)
    if manifest.name != entry.name:
        return _broken(plugin, f"its entry point says {entry.name}, its plugin.json {manifest.name}", reinstall)
    reason, repair = api_problem(manifest.api, distribution)
    if plugin.state == "disabled":
        return plugin._replace(reason="disabled by the user")
    if reason:
        return plugin._replace(state="incompatible", reason=reason, repair=repair)
    reason = failures.reason(plugin.key, version, package)
    if reason:
        return plugin._replace(state="failed", reason=reason, repair=f"aigc-zoo disable {plugin.key}")
    return plugin._replace(state="registered")


def _broken(plugin: Plugin, reason: str, repair: str) -> Plugin:
    if plugin.state == "disabled":
        return plugin._replace(reason=f"disabled by the user (and broken: {reason})")
    return plugin._replace(state="broken", reason=reason, repair=repair)


def _conflicts(found: list[Plugin]) -> list[Plugin]:
    """Mark plugins whose name another enabled distribution claims too."""
    enabled = [plugin for plugin in found if plugin.state != "disabled"]
    claims = {plugin.name: [other for other in enabled if other.name == plugin.name] for plugin in enabled}
    return [
        plugin._replace(
            state="conflict",
            reason="the name is claimed by "
            + " and ".join(f"{p.distribution} {p.version}" for p in claims[plugin.name]),
            repair=f"aigc-zoo disable {claims[plugin.name][-1].key}",
        )
        if plugin.state != "disabled" and len(claims[plugin.name]) > 1
        else plugin
        for plugin in found
    ]


def _package_folder(package: str) -> str:
    """Locate a top-level package without importing it (``find_spec`` on a dotted name would import its parent)."""
    from importlib.util import find_spec

    try:
        spec = find_spec(package)
    except (ImportError, ValueError, AttributeError):
        return ""
    locations = list(spec.submodule_search_locations or []) if spec else []
    return str(locations[0]) if locations else ""


def _same(one: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()
