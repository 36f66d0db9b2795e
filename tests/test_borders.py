"""The borders between the parts, read from the source: who may import what."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "aigc_core"
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("*/src/*") if (path / "__init__.py").exists())
PLUGIN_PACKAGES = {path.name for path in PLUGINS} | {"aigc_gan", "aigc_vae", "aigc_text"}

HEAVY = {"torch", "numpy", "huggingface_hub", "safetensors", "pluggy", "jsonschema", "PIL"}
LIGHT = [
    *("discovery.py", "registry", "entry_points.py", "settings.py", "activations.py", "paths.py", "files.py"),
    *("errors.py", "interfaces", "manifest", "cli"),
]
"""Parts that may import nothing heavy when they are themselves imported."""


class Import(NamedTuple):
    """One imported name, as a dotted path: ``from a import b`` is ``a.b``."""

    name: str
    line: int
    lazy: bool
    """Inside a function."""
    typing: bool
    """Under ``if TYPE_CHECKING``."""

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @property
    def now(self) -> bool:
        """Done when the module is imported."""
        return not self.lazy and not self.typing


def imports(path: Path) -> list[Import]:
    return list(_imports(ast.parse(path.read_text(encoding="utf-8")), False, False))


def _imports(node: ast.AST, lazy: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, lazy, typing) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute in this project"
            yield from (Import(f"{child.module}.{alias.name}", child.lineno, lazy, typing) for alias in child.names)
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _imports(child, True, typing)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.body:
                yield from _imports(ast.Module([statement], []), lazy, True)
            for statement in child.orelse:
                yield from _imports(ast.Module([statement], []), lazy, typing)
        else:
            yield from _imports(child, lazy, typing)


def sources(part: Path) -> list[Path]:
    return [part] if part.is_file() else sorted(part.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sources(CORE)}


def needs(module: str) -> set[str]:
    """Return the modules of the core that importing one imports: those it names, not the packages above them."""
    found = set()
    for imported in imports(MODULES[module]):
        if imported.now and imported.top == "aigc_core":
            candidates = (imported.name, imported.name.rpartition(".")[0])
            found |= set([name for name in candidates if name in MODULES][:1])
    return found - {module}


def at(path: Path, found: list[Import]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{imported.line} {imported.name}" for imported in found]


@pytest.mark.parametrize("path", sources(CORE / "interfaces"), ids=lambda path: path.name)
def test_interfaces_import_nothing_of_ours(path: Path) -> None:
    ours = PLUGIN_PACKAGES | {"aigc_core"}
    found = [each for each in imports(path) if each.top in ours and not each.name.startswith("aigc_core.interfaces")]
    assert at(path, found) == []


@pytest.mark.parametrize("part", LIGHT)
def test_light_parts_import_nothing_heavy(part: str) -> None:
    assert sources(CORE / part)
    for path in sources(CORE / part):
        assert at(path, [each for each in imports(path) if each.top in HEAVY and each.now]) == []


@pytest.mark.parametrize("part", LIGHT)
def test_light_parts_import_no_module_that_imports_something_heavy(part: str) -> None:
    """A border that only direct imports respect is none."""
    for path in sources(CORE / part):
        reached, waiting = set(), {module_name(path)}
        while waiting:
            module = waiting.pop()
            reached.add(module)
            waiting |= needs(module) - reached
        heavy = [entry for module in reached for entry in at(MODULES[module], _heavy(MODULES[module]))]
        assert heavy == []


def _heavy(path: Path) -> list[Import]:
    return [each for each in imports(path) if each.top in HEAVY and each.now]


NEEDS = {"sandbox": {"errors"}}
"""Parts that import these of the core and the standard library, and nothing else: they are trusted as they stand."""
FOR = {"sandbox": {"judge", "cli"}, "judge": {"cli"}}
"""Parts that these alone import, besides themselves: nothing builds on what judges it."""


def part(module: str) -> str:
    """Return which part of the core a module is of, or an empty string."""
    return module.split(".")[1] if module.startswith("aigc_core.") else ""


@pytest.mark.parametrize("name", NEEDS)
def test_a_part_imports_what_it_says_and_the_standard_library(name: str) -> None:
    assert sources(CORE / name)
    for path in sources(CORE / name):
        outside = [
            each for each in imports(path) if each.top != "aigc_core" and each.top not in sys.stdlib_module_names
        ]
        inside = [each for each in imports(path) if each.top == "aigc_core"]
        others = [each for each in inside if part(each.name) not in {name} | NEEDS[name]]
        assert at(path, [*outside, *others]) == []


@pytest.mark.parametrize("name", FOR)
def test_a_part_is_imported_by_these_alone(name: str) -> None:
    assert sources(CORE / name)
    for module, path in MODULES.items():
        if part(module) not in {name} | FOR[name]:
            ours = [each for each in imports(path) if each.top == "aigc_core" and part(each.name) == name]
            assert at(path, ours) == []


def test_the_core_imports_no_plugin() -> None:
    for path in sources(CORE):
        assert at(path, [each for each in imports(path) if each.top in PLUGIN_PACKAGES]) == []


@pytest.mark.parametrize("package", PLUGINS, ids=lambda path: path.name)
def test_plugins_import_public_names_only(package: Path) -> None:
    for path in sources(package):
        ours = [each for each in imports(path) if each.top == "aigc_core"]
        assert at(path, [each for each in ours if any(part.startswith("_") for part in each.name.split("."))]) == []


@pytest.mark.parametrize("package", PLUGINS, ids=lambda path: path.name)
def test_plugins_import_no_other_plugin(package: Path) -> None:
    for path in sources(package):
        others = PLUGIN_PACKAGES - {package.name}
        assert at(path, [each for each in imports(path) if each.top in others]) == []


def test_no_import_circles() -> None:
    waiting = {module: needs(module) for module in MODULES}
    while free := [module for module, needed in waiting.items() if not needed & waiting.keys()]:
        for module in free:
            del waiting[module]
    assert sorted(waiting) == []  # each of these needs another of them


def test_the_reader_of_imports_sees_what_python_does() -> None:
    text = """
from typing import TYPE_CHECKING
import a.b
if TYPE_CHECKING:
    import c
else:
    import d
try:
    from e import f, g
except ImportError:
    pass
class K:
    import h
    def method(self):
        import i
"""
    found = list(_imports(ast.parse(text), False, False))
    assert [each.name for each in found if each.now] == ["typing.TYPE_CHECKING", "a.b", "d", "e.f", "e.g", "h"]
    assert [each.name for each in found if each.typing] == ["c"]
    assert [each.name for each in found if each.lazy] == ["i"]
