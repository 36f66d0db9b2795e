"""Every static check of a path, as findings; ``manifest.validate`` judges the manifests, here they get company."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator

from aigc_core.check import project, recipes, targets, weights
from aigc_core.check.found import File, files
from aigc_core.findings import Finding
from aigc_core.manifest.problems import Problem
from aigc_core.manifest.validate import validate_model, validate_plugin

_CHECKS: dict[str, tuple[Callable[[str], Iterable[Problem]], ...]] = {
    "project": (project.problems,),
    "plugin": (validate_plugin, targets.problems),
    "model": (validate_model, weights.problems),
    "recipe": (recipes.problems,),
}
"""What is done with each kind of file; what follows the first is done only where that found nothing."""


def checked(path: str) -> list[Finding]:
    """Return what is to be said of every file at a path: one finding for each fault, one for each file without any."""
    return [finding for file in files(path) for finding in of_file(file)]


def of_file(file: File) -> Iterator[Finding]:
    """Yield the findings of one file."""
    began = time.perf_counter()
    found = problems(file)
    seconds = time.perf_counter() - began
    if not found:
        yield Finding(f"{file.kind}/valid", file.subject, "passed", details={"path": shown(file.path)}, seconds=seconds)
    for problem in found:
        yield finding(file, problem)


def problems(file: File) -> list[Problem]:
    """Return everything that is wrong with a file, as far as its first faults let it be seen."""
    for check in _CHECKS[file.kind]:
        if found := list(check(file.path)):
            return found
    return []


def finding(file: File, problem: Problem) -> Finding:
    """Return a problem of a file as a finding."""
    details = {"path": shown(file.path), "line": problem.line, "pointer": problem.pointer}
    return Finding(f"{file.kind}/{problem.code}", file.subject, "failed", problem.message, problem.hint, details)


def shown(path: str) -> str:
    """Return a path as a person would type it from here."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(os.path.abspath(path)) else os.path.abspath(path)
