"""What to say of a name that nobody lists: a near one, or where else it may be meant to be."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable

from aigc_core.errors import WrongUse, did_you_mean
from aigc_core.manifest.model import is_repo_id
from aigc_core.registry.places import LARGE, Place


def unknown(name: str, places: Iterable[Place]) -> WrongUse:
    """Return the error that looking for a name is."""
    bare = name.rpartition(":")[2]
    ids = sorted(each for place in places for each in _ids(place.folder, bare))
    return WrongUse(f"No model {name} is known.{did_you_mean(bare, ids)}", _elsewhere(name))


def _elsewhere(name: str) -> str:
    if is_repo_id(name):
        return f"On the Hub: hf:{name}"
    return f"The folder: ./{name}" if os.path.isdir(name) else "See: aigc-zoo list"


def _ids(folder: str, name: str) -> list[str]:
    """Return the ids of a folder that a name may be meant for; of a large one, those that begin as it does."""
    try:
        with os.scandir(folder) as files:
            ids = (file.name[:-5] for file in files if file.name.endswith(".json"))
            few = list(itertools.islice(ids, LARGE))
            if len(few) < LARGE:
                return few
            begun = (each for each in itertools.chain(few, ids) if each[:2] == name[:2])
            return list(itertools.islice(begun, LARGE))
    except OSError:
        return []
