"""Where caches, settings, state and the user's own models live: ``AIGC_ZOO_HOME``, or the platform's folders (XDG)."""

from __future__ import annotations

import os

_XDG = {
    "cache": ("XDG_CACHE_HOME", "~/.cache"),
    "config": ("XDG_CONFIG_HOME", "~/.config"),
    "state": ("XDG_STATE_HOME", "~/.local/state"),
    "data": ("XDG_DATA_HOME", "~/.local/share"),
}


def home(kind: str) -> str:
    """Return the folder for ``cache``, ``config``, ``state`` or ``data``; it may not exist yet."""
    own = os.environ.get("AIGC_ZOO_HOME")
    if own:
        return os.path.join(os.path.abspath(os.path.expanduser(own)), kind)
    variable, default = _XDG[kind]
    base = os.environ.get(variable, "")
    # The XDG specification says that a relative path is to be ignored.
    return os.path.join(base if os.path.isabs(base) else os.path.expanduser(default), "aigc-zoo")
