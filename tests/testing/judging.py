"""Judges the installed plugins that are named, in one process: ``python judging.py CLAUSES PLUGIN...``; prints JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from aigc_core import discovery
from aigc_core.testing.registered import subjects
from aigc_core.testing.running import Runner, plan
from aigc_core.testing.settings import Settings

ALL = "MCSNOWLTXPARH"
"""Every group of clauses."""
QUICK = ALL.replace("H", "")
"""Those that need no process of their own for each model."""


def failed(findings: Iterable[dict[str, Any]]) -> set[str]:
    """Return the clauses that failed."""
    return {each["check"].removeprefix("clause/") for each in findings if each["status"] == "failed"}


def main(letters: str, names: list[str]) -> None:
    """Run the clauses of some groups, such as ``MCO``, on each plugin."""
    found = {}
    for name in names:
        runner = Runner(Settings())
        pairs = [pair for pair in plan(subjects(discovery.find(name))) if pair[1].id[0] in letters]
        found[name] = [runner.run(*pair)._asdict() for pair in pairs]
    print(json.dumps(found, default=dict))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
