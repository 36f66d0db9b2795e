"""What the user has settled: which plugins are disabled. One JSON file, replaced whole."""

from __future__ import annotations

import json
import os
from typing import Any

from aigc_core.errors import WrongUse
from aigc_core.files import whole_file
from aigc_core.paths import home


def settings_path() -> str:
    """Return the path of the settings file."""
    return os.path.join(home("config"), "settings.json")


def disabled() -> set[str]:
    """Return the keys (``distribution:name``) of disabled plugins. Raises ``WrongUse`` where the file is damaged."""
    try:
        with open(settings_path(), encoding="utf-8") as stream:
            document: Any = json.load(stream)
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(str(error)) from error
    keys = document.get("disabled") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise _damaged("'disabled' is no list of names")
    return set(keys)


def set_disabled(keys: set[str]) -> None:
    """Replace the set of disabled plugins."""
    path = settings_path()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with whole_file(path) as stream:
        stream.write((json.dumps({"disabled": sorted(keys)}, indent=2) + "\n").encode())


def _damaged(reason: str) -> WrongUse:
    return WrongUse(f"The settings file {settings_path()} cannot be read: {reason}.", "Mend it or delete it.")
