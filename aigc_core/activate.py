"""``python -m aigc_core.activate KEY``: import one plugin and everything that it declares, and say what broke."""

from __future__ import annotations

import sys

from aigc_core import discovery
from aigc_core.errors import ZooError
from aigc_core.plugins import activate, host, load_target


def activate_all(key: str) -> None:
    """Activate a plugin, its hooks, components and commands. Raises ``ZooError`` with the first that fails."""
    plugin = discovery.find(key)
    activate(plugin)
    assert plugin.manifest is not None  # or activate would have raised
    host(plugin)  # even where it lists no hook: then it must not have one, for it would never be called
    targets = [target for names in plugin.manifest.components.values() for target in names.values()]
    targets += [command["target"] for command in plugin.manifest.commands.values()]
    for target in targets:
        load_target(plugin, target)


if __name__ == "__main__":
    try:
        activate_all(sys.argv[1])
    except ZooError as error:
        sys.exit(str(error))
