"""M: what the plugin and its models say of themselves, as data."""

from __future__ import annotations

import os

from aigc_core.manifest.problems import Problem
from aigc_core.manifest.validate import validate_model, validate_plugin
from aigc_core.testing.subjects import ModelSubject, Subject
from aigc_core.testing.verdict import Broken


def plugin(subject: Subject) -> None:
    """M1: ``validate_plugin`` finds nothing."""
    path = os.path.join(subject.plugin.zoo, "plugin.json")
    _none(validate_plugin(path), path)


def model(subject: ModelSubject) -> None:
    """M2: ``validate_model`` finds nothing, bundled bytes included."""
    _none(validate_model(subject.entry.path), subject.entry.path)


def licences(subject: ModelSubject) -> None:
    """M3: ``terms.code`` and ``terms.weights`` are texts."""
    manifest = subject.entry.manifest
    terms = manifest.document.get("terms", {}) if manifest else {}
    for what in ("code", "weights"):
        if not isinstance(terms.get(what), str) or not terms[what].strip():
            hint = f'Such as, under "terms": "{what}": "Apache-2.0"'
            raise Broken(f"The manifest states no licence of the {what}.", hint, file=subject.entry.path)


def _none(problems: list[Problem], path: str) -> None:
    if problems:
        first, more = problems[0], f" And {len(problems) - 1} more." if len(problems) > 1 else ""
        listed = [problem._asdict() for problem in problems]
        raise Broken(first.message + more, first.hint, file=path, line=first.line, problems=listed)
