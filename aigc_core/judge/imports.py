"""Who imports whom, from the source: nothing is imported to find out."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Mapping


class Graph:
    """The modules of some packages, and which of each other they import, at the top or inside functions alike."""

    def __init__(self, packages: Mapping[str, str]) -> None:
        """Take packages by name, with their folders."""
        self.files: dict[str, str] = {}
        for name, folder in packages.items():
            self._add(name, folder)
        self._needs: dict[str, set[str]] = {}

    def _add(self, package: str, folder: str) -> None:
        for here, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name.isidentifier())
            parts = os.path.relpath(here, folder).split(os.sep)
            prefix = ".".join([package, *(part for part in parts if part != ".")])
            for name in names:
                stem = name.removesuffix(".py")
                if name.endswith(".py") and stem.isidentifier():
                    self.files[prefix if stem == "__init__" else f"{prefix}.{stem}"] = os.path.join(here, name)

    def needs(self, module: str) -> set[str]:
        """Return the known modules that one imports, with the packages above them; none of what is no Python."""
        if module not in self._needs:
            try:
                with open(self.files[module], "rb") as stream:
                    tree = ast.parse(stream.read())
            except (OSError, SyntaxError, ValueError, RecursionError):
                tree = ast.Module([], [])
            found: set[str] = set()
            for name in _named(tree, module, self.files[module].endswith("__init__.py")):
                found |= self._above(name)
            self._needs[module] = found | self._above(module.rpartition(".")[0])
        return self._needs[module] - {module}

    def _above(self, name: str) -> set[str]:
        """Return the modules that importing a dotted name runs."""
        parts = name.split(".")
        return {module for end in range(1, len(parts) + 1) if (module := ".".join(parts[:end])) in self.files}

    def closure(self, modules: Iterable[str]) -> dict[str, str]:
        """Return every file that importing modules can run, with the module that imports it, itself for the first."""
        by: dict[str, str] = {module: module for module in modules if module in self.files}
        waiting = [*by]
        while waiting:
            module = waiting.pop()
            for needed in sorted(self.needs(module) - by.keys()):
                by[needed] = module
                waiting.append(needed)
        return {os.path.realpath(self.files[module]): importer for module, importer in by.items()}


def _named(tree: ast.AST, module: str, package: bool) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                above = parts[: len(parts) - node.level + package]
                base = ".".join([*above, base] if base else above)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
