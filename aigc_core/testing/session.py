"""One pytest session with the contract in it: its items, and the counts at its end."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pytest

from aigc_core.findings import Finding, counts
from aigc_core.testing.clauses import CLAUSES, Clause
from aigc_core.testing.registered import subjects
from aigc_core.testing.running import Pair, Runner, plan, shortfall
from aigc_core.testing.settings import Settings
from aigc_core.testing.subjects import Subject
from aigc_core.testing.under_test import under_test


class ClauseItem(pytest.Item):
    """One clause on one subject."""

    def __init__(self, *, subject: Subject, clause: Clause, runner: Runner, **rest: Any) -> None:
        super().__init__(**rest)
        self.subject, self.clause, self.runner = subject, clause, runner
        self.finding: Finding | None = None
        self.add_marker("aigc_zoo")

    def runtest(self) -> None:
        """Run it; what it found goes with its report."""
        self.finding = self.runner.run(self.subject, self.clause)
        if self.finding.status == "skipped":
            pytest.skip(self.finding.text)
        if self.finding.status == "expected":
            pytest.xfail(self.finding.text)
        if self.finding.status == "failed":
            pytest.fail(shown(self.finding, self.clause), pytrace=False)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, self.name


class Session:
    """The hooks of a pytest session under ``--aigc-zoo``."""

    def __init__(self, plugin: str, settings: Settings, pairs: list[Pair]) -> None:
        self.plugin, self.settings, self.pairs = plugin, settings, pairs
        self.findings: list[Finding] = []
        self.short: list[str] = []
        self.errors = os.dup(2)  # pytest takes the other one away while an item runs

    @classmethod
    def of(cls, named: str, folder: str) -> Session:
        """Find the plugin, and plan. Raises as ``under_test`` does."""
        plugin, settings = under_test(named, folder)
        return cls(plugin.name, settings, plan(subjects(plugin, rows=settings.rows)))

    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add an item for each clause and subject, after the package's own tests."""
        runner = Runner(self.settings, self.errors)
        for subject, clause in self.pairs:
            name = f"{clause.id}[{subject}]"
            given: dict[str, Any] = {"subject": subject, "clause": clause, "runner": runner}
            items.append(ClauseItem.from_parent(session, name=name, nodeid=f"aigc-zoo::{name}", **given))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
        """Put what a clause found on its report, as JSON, so that it comes through from a worker too."""
        report = yield
        if call.when == "call" and isinstance(item, ClauseItem) and item.finding:
            report.aigc_zoo = {**item.finding._asdict(), "details": dict(item.finding.details)}
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take what came in, from this process or from a worker."""
        found: Mapping[str, Any] | None = getattr(report, "aigc_zoo", None)
        if found and report.when == "call":
            self.findings.append(Finding(**found))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a session in which fewer clauses ran than what the package registers requires."""
        if hasattr(session.config, "workerinput") or session.config.option.collectonly:
            return
        self.short = shortfall(self.pairs, self.findings, self.settings)
        if self.short and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Show the counts, every reason, and whether enough ran."""
        if config.option.collectonly:
            return
        terminalreporter.section(f"aigc-zoo: the contract, on plugin {self.plugin}")
        for line in self.summary():
            terminalreporter.write_line(line)

    def summary(self) -> Iterator[str]:
        """Yield what the session came to, line by line."""
        found, required = counts(self.findings), sum(clause.required for _, clause in self.pairs)
        applicable = len({clause.id for _, clause in self.pairs})
        ran = len(self.findings) - found["skipped"]
        yield f"{len(CLAUSES)} clauses defined, {applicable} applicable to {len({s for s, _ in self.pairs})} subjects."
        yield (
            f"{len(self.pairs)} checks ({required} required): {ran} ran, {found['passed']} passed, "
            f"{found['failed']} failed, {found['expected']} expected to fail, {found['skipped']} skipped."
        )
        for status, word in (("expected", "expected"), ("skipped", "skipped")):
            reasons: dict[str, list[str]] = {}
            for each in self.findings:
                if each.status == status:
                    reasons.setdefault(each.text, []).append(f"{each.check.removeprefix('clause/')} {each.subject}")
            for reason, names in reasons.items():
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                yield f"{word}: {', '.join(names[:3])}{more}: {reason}"
        for text in self.short:
            yield f"NOT ENOUGH: {text}"


def shown(finding: Finding, clause: Clause) -> str:
    """Return a failure as pytest shows it: the clause, what is wrong, why it matters, and how to repeat it."""
    lines = [f"{clause.id}: {clause.title}", f"{finding.subject}: {finding.text}", f"Why: {clause.why}"]
    if finding.hint:
        lines.append(f"Try: {finding.hint}")
    evidence = {key: value for key, value in finding.details.items() if key != "reproduce"}
    lines += [f"{key}: {value}" for key, value in evidence.items()]
    if repeat := finding.details.get("reproduce"):
        lines += ["Repeat it:", *(f"    {line}" for line in repeat)]
    return "\n".join(lines)
