"""A plugin's ``pyproject.toml``: its entry point against its ``plugin.json`` and its source."""

from __future__ import annotations

import os
import re
from typing import Any

from aigc_core.check.targets import source
from aigc_core.discovery import GROUP
from aigc_core.manifest.plugin import PluginManifest
from aigc_core.manifest.problems import Problem
from aigc_core.manifest.read import Malformed


def problems(path: str) -> list[Problem]:
    """Return what keeps the project's plugins from being found. Without a TOML reader (Python 3.10) it says nothing."""
    from importlib import import_module

    try:
        tomllib: Any = import_module("tomllib")
    except ImportError:
        return []
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        document: dict[str, Any] = tomllib.loads(data.decode())
    except ValueError as error:
        line = re.search(r"line (\d+)", str(error))
        return [_problem("toml-syntax", int(line[1]) if line else 1, f"The text is no TOML: {error}.", "Correct it.")]
    lines = data.decode().splitlines()
    points: Any = document
    for part in ("project", "entry-points", GROUP):
        points = points.get(part) if isinstance(points, dict) else None
    if not points or not isinstance(points, dict):
        hint = f'Add: [project.entry-points."{GROUP}"] and a line such as: plaid = "aigc_plaid"'
        return [_problem("no-entry-point", 1, f"The project has no entry point of the group {GROUP}.", hint)]
    folder = os.path.dirname(os.path.abspath(path))
    return [each for name, value in points.items() for each in _of_point(name, str(value), folder, lines)]


def _of_point(name: str, value: str, folder: str, lines: list[str]) -> list[Problem]:
    begins = re.compile(rf"\s*\"?{re.escape(name)}\"?\s*=")
    line = next((number for number, text in enumerate(lines, 1) if begins.match(text)), 1)
    module = value.partition(":")[0]
    roots = [root for root in (os.path.join(folder, "src"), folder) if source(root, module)]
    if not roots:
        hint = "It takes a module of the package: that with the hooks, or the package itself."
        return [_problem("unknown-module", line, f"The entry point {name} names {module}, which is not here.", hint)]
    own = os.path.join(roots[0], module.partition(".")[0], "zoo", "plugin.json")
    try:
        said = PluginManifest.read(own).name
    except Malformed as error:
        text = f"The plugin {name} has no plugin.json that can be read: {error}."
        return [_problem("no-plugin-json", line, text, "It is zoo/plugin.json in the package.")]
    if said != name:
        hint = f'It takes "{said}", or change the name in plugin.json.'
        return [_problem("wrong-name", line, f"The entry point says {name}, its plugin.json {said}.", hint)]
    return []


def _problem(code: str, line: int, message: str, hint: str) -> Problem:
    return Problem(code, "", line, message, hint)
