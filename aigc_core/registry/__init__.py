"""Names to manifests: the user's own folder, the installed plugins' models and the built-in index, in this order."""

from __future__ import annotations

import os

from aigc_core import discovery
from aigc_core.hub.names import is_folder, is_hub_name
from aigc_core.registry.entry import RUNNABLE, Entry, judged
from aigc_core.registry.overlays import conflicts, overlaid, pinned
from aigc_core.registry.places import Place, builtin_folder, plugins_by_name, read, read_all, user_folder
from aigc_core.registry.wanted import Wanted

__all__ = [
    "RUNNABLE",
    "Entry",
    "Wanted",
    "builtin_folder",
    "entries",
    "find",
    "judged",
    "known_places",
    "plugins_by_name",
    "user_folder",
]


def entries(wanted: Wanted | None = None) -> list[Entry]:
    """Return every model that is known, by id, or those that are meant.

    Raises ``WrongUse`` where the settings or a lock file is damaged.
    """
    found = [entry for place in known_places() for entry in read_all(place)] if wanted is None else _meant(wanted)
    found = conflicts(overlaid(pinned(found)))
    return [entry for entry in found if wanted is None or wanted.matches(entry.id, entry.manifest)]


def find(name: str, *, locked: bool = True) -> Entry:
    """Return the model that an id, ``origin:id``, ``hf:ORG/NAME[@REVISION]`` or ``./FOLDER`` means, in whatever state.

    Nothing is asked of the Hub. ``locked=False`` leaves the project's lock file out. Raises ``WrongUse`` where there is
    none, with a near name, and where two plugins list the same id.
    """
    if is_hub_name(name) or is_folder(name):
        from aigc_core.hub import repository

        return repository.entry(name)
    known = pinned(_named(name.rpartition(":")[2]), locked)
    matches = [entry for entry in known if entry.qualified == name]
    matches = matches or [entry for entry in conflicts(overlaid(known)) if entry.id == name]
    if not matches:
        from aigc_core.registry.unknown import unknown

        raise unknown(name, known_places())
    matches.sort(key=lambda entry: entry.state not in ("ready", "conflict"))
    if matches[0].state == "conflict":
        raise matches[0].error()
    return matches[0]


def known_places() -> list[Place]:
    """Return every folder of manifests, whether it is there or not."""
    plugins = discovery.plugins()
    by_name = plugins_by_name(plugins)
    own = [Place(builtin_folder(), "registry", by_name), Place(user_folder(), "user", by_name)]
    return own + [
        Place(os.path.join(plugin.zoo, "models"), f"plugin {plugin.name}", by_name | {plugin.name: plugin})
        for plugin in plugins
        if plugin.package
    ]


def _named(name: str) -> list[Entry]:
    """Return every model of one id: by the name of its file, so that no other is looked at."""
    if os.path.basename(name) != name or "\0" in name or not name:
        return []
    files = [(os.path.join(place.folder, f"{name}.json"), place) for place in known_places()]
    return [read(path, place) for path, place in files if os.path.exists(path)]


def _meant(wanted: Wanted) -> list[Entry]:
    """Return at least the models that are meant, with whatever else has their ids."""
    from aigc_core.registry import index

    found: list[Entry] = []
    partly: list[tuple[Place, set[str]]] = []
    for place in known_places():
        paths = index.paths(place.folder, wanted)
        if paths is None:
            found += read_all(place)
        else:
            found += [read(path, place) for path in paths]
            partly.append((place, {*paths}))
    for entry in found if partly else []:  # what overlays or contradicts it counts, whatever its summary says
        for place, seen in partly:
            path = os.path.join(place.folder, f"{entry.id}.json")
            if path not in seen and os.path.exists(path):
                seen.add(path)
                found.append(read(path, place))
    return found
