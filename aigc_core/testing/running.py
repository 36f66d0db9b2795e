"""Running clauses: which apply to what, one after another, each ending in a ``Finding``."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aigc_core import discovery
from aigc_core.errors import WrongUse, ZooError
from aigc_core.findings import Finding
from aigc_core.testing.clauses import BY_ID, CLAUSES, Clause
from aigc_core.testing.kept import kept
from aigc_core.testing.registered import subjects
from aigc_core.testing.reproduce import lines
from aigc_core.testing.settings import Settings
from aigc_core.testing.subjects import Subject
from aigc_core.testing.verdict import Broken, Skipped
from aigc_core.testing.watchdog import Endless, limited

Pair = tuple[Subject, Clause]


def plan(found: Iterable[Subject]) -> list[Pair]:
    """Return every clause with each subject that it applies to, a subject's together, in the order of the table."""
    return [
        (subject, clause)
        for subject in found
        for clause in CLAUSES
        if clause.kind == subject.kind and subject.facts.issuperset(clause.needs)
    ]


def perform(subject: Subject, clause: str) -> None:
    """Run one clause on one subject. Raises ``Broken``, ``Skipped`` and whatever the plugin's code raises."""
    if clause not in BY_ID:
        raise WrongUse(f"There is no clause {clause}.", "See docs/clauses.md")
    module, _, function = BY_ID[clause].check.partition(":")
    check = getattr(importlib.import_module(f"aigc_core.testing.checks.{module}"), function)
    check(subject)


class Runner:
    """Runs clauses, and remembers which failed: what builds on those is skipped, with that for a reason.

    Of a subject on which a clause did not end, nothing more is tried: it would not end either.
    """

    def __init__(self, settings: Settings, errors: int = 2) -> None:
        self.settings, self.errors = settings, errors
        self.failed: set[tuple[str, str]] = set()
        self.endless: dict[str, str] = {}

    def run(self, subject: Subject, clause: Clause) -> Finding:
        """Run one clause on one subject; nothing that the plugin does is raised, but Ctrl-C."""
        began = time.perf_counter()
        with kept():
            finding = self._judged(subject, clause)
        return finding._replace(seconds=time.perf_counter() - began)

    def _judged(self, subject: Subject, clause: Clause) -> Finding:
        name, who = f"clause/{clause.id}", str(subject)
        if who in self.endless:
            return Finding(name, who, "skipped", f"{self.endless[who]} did not end")
        if missing := [other for other in clause.after if (other, who) in self.failed]:
            return Finding(name, who, "skipped", f"it builds on {missing[0]}, which failed")
        expected = self.settings.reason(clause.id, who)
        try:
            with limited(self.settings.seconds, f"{clause.id} {who}", self.errors):
                perform(subject, clause.id)
        except KeyboardInterrupt:
            raise
        except Skipped as reason:
            return Finding(name, who, "skipped", f"{reason}. Expected: {expected}" if expected else str(reason))
        except BaseException as error:  # SystemExit of a plugin is its fault, not our end
            self.failed.add((clause.id, who))
            text, hint, details = _told(error)
            if isinstance(error, Endless):
                self.endless[who] = clause.id
            if expected:
                return Finding(name, who, "expected", f"{text} Expected: {expected}", details=details)
            details = {**details, "reproduce": lines(subject, clause)}
            return Finding(name, who, "failed", text, hint, details)
        if expected:
            hint = f'Remove "{clause.id}" or "{clause.id} {who}" from tool.aigc-zoo.expected.'
            return Finding(name, who, "failed", "It was expected to fail, and passed.", hint)
        return Finding(name, who, "passed")


def judge(plugin: str, models: Sequence[str] | None = None) -> list[Finding]:
    """Run every clause on what an installed plugin registers, or on some models alone, of any origin.

    ``plugin`` is its name or its distribution. What is expected to fail stands in the pyproject.toml above its package;
    where models are named, somebody else judges, and nothing is expected.
    Raises ``WrongUse`` where there is no such plugin or model.
    """
    owner = discovery.find(plugin)
    settings = Settings.of_source(owner.package, owner.distribution) if models is None else Settings()
    runner = Runner(settings)
    pairs = plan(subjects(owner, models, settings.rows))
    found = [runner.run(subject, clause) for subject, clause in pairs]
    if models is None:
        found += [Finding("clause", str(owner.name), "failed", text) for text in shortfall(pairs, found, settings)]
    return found


def shortfall(pairs: Sequence[Pair], found: Iterable[Finding], settings: Settings) -> list[str]:
    """Say in a sentence each why a run was too small to be called a pass."""
    ran = {(each.check.removeprefix("clause/"), each.subject) for each in found if each.status != "skipped"}
    said = []
    if all(subject.kind == "plugin" for subject, _ in pairs):
        said.append("The plugin registers no model, component or recipe, so nothing of it was judged.")
    wanted = [(clause.id, str(subject)) for subject, clause in pairs if clause.required]
    wanted = [pair for pair in wanted if not settings.reason(*pair)]
    total, missing = len(wanted), [" ".join(pair) for pair in wanted if pair not in ran]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        said.append(f"Of {total} required clauses {len(missing)} did not run: {', '.join(missing[:5])}{more}.")
    known = {name for subject, clause in pairs for name in (clause.id, f"{clause.id} {subject}")}
    said += [
        f'tool.aigc-zoo.expected names "{name}", which is no clause here.' for name in settings.expected.keys() - known
    ]
    return said


def _told(error: BaseException) -> tuple[str, str, Mapping[str, Any]]:
    """Return an error's sentence, hint and evidence."""
    if isinstance(error, Broken):
        return str(error), error.hint, error.details
    if isinstance(error, ZooError):
        return str(error), error.hint, {}
    if isinstance(error, Endless):
        hint = "Look for a loop without an end, or allow more in pyproject.toml: seconds, under [tool.aigc-zoo]."
        return str(error), hint, {"file": error.file, "line": error.line}
    reason = " ".join(str(error).split()) or "no message"
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    where = {"file": at.tb_frame.f_code.co_filename, "line": at.tb_lineno} if at else {}
    return f"{type(error).__name__}: {reason.rstrip('.')}.", "", where
