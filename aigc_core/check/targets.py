"""Whether each ``module:attribute`` of a plugin is there: by its syntax tree, for nothing of a plugin is imported."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator

from aigc_core.manifest.lines import Path, scan
from aigc_core.manifest.problems import Problem, did_you_mean
from aigc_core.manifest.read import read_object, read_text
from aigc_core.manifest.report import Report


def problems(path: str) -> list[Problem]:
    """Return every name of a ``plugin.json`` without faults that its package's source does not define.

    A module of another distribution is not looked at: only what lies beside ``zoo`` can be read here.
    """
    report = Report(scan(read_text(path)))
    document = read_object(path)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(path))))
    package = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(path))))
    for place, target in _targets(document):
        module, _, attribute = target.partition(":")
        if module.partition(".")[0] != package:
            continue
        file = source(root, module)
        if not file:
            text = f"{target} names the module {module}, which the package does not have."
            near = did_you_mean(module, _modules(root, package))
            report.add("unknown-module", place, text, f"{near}It takes a module of the package.")
            continue
        known = names(file)
        if isinstance(known, SyntaxError):
            text = f"{os.path.basename(file)}, line {known.lineno}: {known.msg}."
            report.add("source-syntax", place, text, "Correct the module; until then nothing of it can be imported.")
        elif attribute not in known and "*" not in known:
            text = f"{module} defines no {attribute}."
            report.add("unknown-name", place, text, f"{did_you_mean(attribute, known)}It takes a name of that module.")
    return report.problems


def _targets(document: dict[str, object]) -> Iterator[tuple[Path, str]]:
    components = document.get("components", {})
    assert isinstance(components, dict)
    for kind, entries in components.items():
        for name, target in entries.items():
            yield ("components", kind, name), target
    commands = document.get("commands", {})
    assert isinstance(commands, dict)
    for name, entry in commands.items():
        yield ("commands", name, "target"), entry["target"]


def source(root: str, module: str) -> str:
    """Return the file of a module below a folder, or an empty string."""
    stem = os.path.join(root, *module.split("."))
    return next((path for path in (f"{stem}.py", os.path.join(stem, "__init__.py")) if os.path.isfile(path)), "")


def names(file: str) -> set[str] | SyntaxError:
    """Return the names that a module binds when it is imported, ``*`` among them where it imports all of another's."""
    try:
        with open(file, "rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strings such as "\d", which are the author's own
            return set(_bound(ast.parse(stream.read())))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: too deep
        return error if isinstance(error, SyntaxError) else SyntaxError(str(error))


def _bound(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield "*" if child.name == "__getattr__" else child.name  # a module that makes its names when asked
        elif isinstance(child, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif not isinstance(child, ast.Lambda):
            yield from _bound(child)


def _modules(root: str, package: str) -> list[str]:
    """Return the dotted names of every module of a package."""
    found = []
    for folder, _, files in os.walk(os.path.join(root, package)):
        dotted = os.path.relpath(folder, root).replace(os.sep, ".")
        stems = [name[:-3] for name in files if name.endswith(".py")]
        found += [dotted if stem == "__init__" else f"{dotted}.{stem}" for stem in stems]
    return found
