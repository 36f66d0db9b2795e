"""What a model depends on: its manifest, files and code, and what the core holds it to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

from aigc_core.discovery import Plugin
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.imports import Graph

_CORE = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
_RUNS = ("aigc_core.run.load", "aigc_core.judge.worker", "aigc_core.golden.made")
"""What a model's samples go through: what these import is the contract."""
_JUDGES = ("aigc_core.judge.steps", "aigc_core.testing.running", "aigc_core.evaluate.measure")
"""What decides about them."""


def reasons(candidate: Candidate, changed: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Yield each changed file that a model depends on, with why; ``changed`` has the real paths."""
    entry = candidate.entry
    own = {os.path.realpath(entry.path): "its manifest changed"}
    for path in _files(candidate):
        own.setdefault(os.path.realpath(os.path.join(entry.folder, path)), f"its file {path} changed")
    if plugin := entry.plugin:
        own |= _of_plugin(candidate, plugin)
        yield from ((path, why) for path, why in _code(candidate, plugin) if path in changed)
    yield from ((path, why) for path, why in own.items() if path in changed)
    yield from ((path, why) for path, why in _contract().items() if path in changed)
    yield from ((path, why) for path, why in _metrics(candidate) if path in changed)


def _files(candidate: Candidate) -> list[str]:
    manifest = candidate.entry.manifest
    if manifest is None:
        return []
    origin = manifest.document.get("origin")
    recipe = origin.get("recipe") if isinstance(origin, dict) else None
    return [*([recipe] if isinstance(recipe, str) else []), *candidate.beside]


def _of_plugin(candidate: Candidate, plugin: Plugin) -> dict[str, str]:
    """Return the data of its plugin that a model depends on."""
    zoo, package = os.path.realpath(plugin.zoo), os.path.realpath(plugin.package)
    found = {os.path.join(zoo, "plugin.json"): f"the plugin.json of {plugin.name} changed"}
    manifest = candidate.entry.manifest
    if manifest is not None and plugin.manifest:
        name = plugin.manifest.options.get(manifest.architecture)
        found[os.path.join(zoo, "options", f"{name}.json")] = f"the options of {manifest.architecture} changed"
        schema = os.path.join(zoo, "architectures", f"{manifest.architecture}.schema.json")
        found[schema] = f"the schema of {manifest.architecture} changed"
    for depth in range(1, 4):  # src/PACKAGE, or PACKAGE beside it
        above = os.path.normpath(os.path.join(package, *[".."] * depth, "pyproject.toml"))
        if os.path.isfile(above):
            found[above] = f"the packaging of {plugin.distribution} changed"
            break
    return found


def _code(candidate: Candidate, plugin: Plugin) -> Iterable[tuple[str, str]]:
    manifest = candidate.entry.manifest
    if manifest is None or plugin.manifest is None:
        return
    target = plugin.manifest.components.get("generators", {}).get(manifest.architecture, "")
    for path, importer in _closure(plugin.package, plugin.module, target.partition(":")[0]).items():
        name = os.path.relpath(path, os.path.dirname(os.path.realpath(plugin.package)))
        how = "" if _is(importer, name) else f", imported by {importer}"
        yield path, f"its code {name} changed{how}"


def _is(module: str, path: str) -> bool:
    return path.removesuffix(".py").removesuffix(f"{os.sep}__init__").replace(os.sep, ".") == module


@cache
def _closure(package: str, *modules: str) -> dict[str, str]:
    return Graph({os.path.basename(package): package}).closure(modules)


@cache
def _graph() -> Graph:
    return Graph({"aigc_core": _CORE})


@cache
def _contract() -> dict[str, str]:
    """Return the core's files that every model depends on."""
    found: dict[str, str] = {}
    for modules, word in ((_JUDGES, "the judge"), (_RUNS, "the contract")):
        for path in _graph().closure(modules):
            found[path] = f"{word} changed: {_shown(path)}"
    metrics = os.path.join(_CORE, "evaluate", "metrics") + os.sep
    schemas = os.path.join(_CORE, "manifest", "schemas")
    found = {path: why for path, why in found.items() if not path.startswith(metrics)}
    return found | {os.path.join(schemas, "model.schema.json"): "the manifest's schema changed"}


def _metrics(candidate: Candidate) -> Iterable[tuple[str, str]]:
    """Yield the files that the scores of a model's gates depend on."""
    manifest = candidate.entry.manifest
    scores = manifest.document.get("scores") if manifest else None
    named = (
        {str(each.get("metric")) for each in scores if isinstance(each, dict)} if isinstance(scores, list) else set()
    )
    for name in sorted(text.partition("@")[0].partition(".")[0] for text in named):
        owner, _, component = name.partition(":")
        if owner == "core":
            module = _targets().get(component, "").partition(":")[0]
            for path in _graph().closure([module]):
                yield path, f"the metric {name} changed: {_shown(path)}"
            for path in ("models/fashion-features.json", "weights/fashion-features.safetensors"):
                yield os.path.join(_CORE, "zoo", *path.split("/")), f"the extractor of {name} changed"


@cache
def _targets() -> dict[str, str]:
    from aigc_core.manifest.plugin import PluginManifest

    path = os.path.join(_CORE, "zoo", "plugin.json")
    return PluginManifest.read(path).components.get("metrics", {}) if os.path.isfile(path) else {}


def _shown(path: str) -> str:
    return os.path.relpath(path, os.path.dirname(_CORE))
