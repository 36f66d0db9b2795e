"""What a schema cannot say of a plugin: hooks against those that are called, names against the files they stand for."""

from __future__ import annotations

import os
from typing import Any

from aigc_core.manifest.against_schema import check_against
from aigc_core.manifest.cross_checks import check_model, check_repeated
from aigc_core.manifest.lines import scan
from aigc_core.manifest.problems import Problem, did_you_mean, plain, shown
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.manifest.report import Report
from aigc_core.manifest.schema import schema

_FILLED_IN = ("id", "summary", "weights", "terms.weights")
"""What a template leaves to the core, which knows it of each repository."""


def check_plugin(document: dict[str, Any], path: str, report: Report) -> None:
    """Check a plugin manifest whose types are sound; ``path`` is its file."""
    from aigc_core.hookspecs import NAMES

    hooks = document.get("hooks", [])
    for index, hook in enumerate(hooks):
        if hook not in (*NAMES, None):
            hint = f"{did_you_mean(hook, NAMES)}The hooks are {', '.join(NAMES)}."
            report.add("unknown-hook", ("hooks", index), f"{shown(hook)} is no hook.", hint)
    check_repeated(hooks, ("hooks",), report)
    _check_claims(document, os.path.dirname(path), report)
    _check_options(document, os.path.dirname(path), report)


def _check_claims(document: dict[str, Any], zoo: str, report: Report) -> None:
    """Check each template once, however many values claim with it."""
    seen: set[str] = set()
    for field, values in document.get("claims", {}).items():
        for value, name in values.items():
            if name in seen:
                continue
            seen.add(name)
            reason, hint = _template_problem(zoo, name, document.get("name"))
            if reason:
                message = plain(f"The template {name} cannot be used: {reason}.")
                report.add("unusable-template", ("claims", field, value), message, plain(hint))


def _template_problem(zoo: str, name: str, plugin: str | None) -> tuple[str, str]:
    """Return the first reason why a template gives no right manifest and its hint, or two empty strings."""
    correct = f"Correct zoo/claims/{name}.json."
    try:
        template = read_object(os.path.join(zoo, "claims", f"{name}.json"))
    except Malformed as error:
        known = [other for other in _named(zoo, "claims") if other != name]
        return str(error), f"{did_you_mean(name, known)}{correct} It takes a part of a model manifest."
    terms = template.get("terms", {})
    given = {*template, *(f"terms.{field}" for field in terms if isinstance(terms, dict))}
    if said := [field for field in _FILLED_IN if field in given]:
        return f"it has {said[0]}, which is filled in for each repository", f"{correct} Leave {said[0]} out."
    manifest = _completed(template)
    if problems := _problems(manifest, zoo):
        return problems[0].message.rstrip("."), f"{correct} {problems[0].hint}"
    of = manifest["code"]["plugin"]
    if plugin not in (of, None):
        return f"its code.plugin is {of}, this plugin is {plugin}", f'{correct} It takes "{plugin}".'
    return "", ""


def _check_options(document: dict[str, Any], zoo: str, report: Report) -> None:
    known = document.get("components", {}).get("generators", {})
    for architecture, name in document.get("options", {}).items():
        path = ("options", architecture)
        if architecture not in known:
            hint = f"{did_you_mean(architecture, known)}It takes one of {plain(', '.join(known))}."
            report.add("unknown-architecture", path, f"This plugin has no generator {architecture}.", hint, True)
        reason, hint = _options_problem(zoo, name)
        if reason:
            message = plain(f"The options {name} cannot be used: {reason}.")
            report.add("unusable-options", path, message, plain(hint))


def _options_problem(zoo: str, name: str) -> tuple[str, str]:
    """Return the first reason why a schema could not stand in a model manifest and its hint, or two empty strings."""
    correct = f"Correct zoo/options/{name}.json."
    try:
        options = read_object(os.path.join(zoo, "options", f"{name}.json"))
    except Malformed as error:
        near = did_you_mean(name, [other for other in _named(zoo, "options") if other != name])
        return str(error), f"{near}{correct} It takes what stands under use.options of a model manifest."
    code = {"plugin": "nobody", "api": 1, "architecture": "nothing", "config": {}}
    use = {"options": options, "output": {"kind": "text"}}
    family = {"family": "autoregressive", "task": "other"}
    problems = _problems(_completed({**family, "code": code, "capabilities": ["generate"], "use": use}), zoo)
    return (problems[0].message.rstrip("."), f"{correct} {problems[0].hint}") if problems else ("", "")


def _problems(manifest: dict[str, Any], zoo: str) -> list[Problem]:
    report = Report(scan("{}"))
    if check_against(manifest, schema("model"), (), report):
        check_model(report.sound(manifest), os.path.join(zoo, "models", f"{manifest['id']}.json"), report)
    return report.problems


def _completed(template: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest that a template gives, of a repository that has as little as can be."""
    weights = {"source": "hub", "repo_id": "somebody/something", "files": [{"path": "config.json", "format": "json"}]}
    stub = {"schema": 1, "id": "something", "summary": "Something.", "weights": weights}
    terms = template.get("terms", {})
    nothing = {"code": None, "weights": None, "data": None}
    return template | stub | {"terms": nothing | terms if isinstance(terms, dict) else terms}


def _named(zoo: str, folder: str) -> list[str]:
    """Return the names that the files in a folder of a plugin can be named by."""
    try:
        return [file.removesuffix(".json") for file in os.listdir(os.path.join(zoo, folder))]
    except OSError:
        return []
