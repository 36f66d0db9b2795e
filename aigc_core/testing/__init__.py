"""The conformance kit: the contract between the core and a plugin, as numbered clauses that can be run.

In an author's repository ``pytest --aigc-zoo`` runs all that apply to what the package registers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aigc_core.testing.clauses import CLAUSES, Clause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aigc_core.findings import Finding

__all__ = ["CLAUSES", "Clause", "check", "judge_plugin"]


def judge_plugin(plugin: str, models: Sequence[str] | None = None) -> list[Finding]:
    """Run every clause on what an installed plugin registers, or on some models alone. See ``running.judge``."""
    from aigc_core.testing.running import judge

    return judge(plugin, models)


def check(plugin: str, subject: str, clause: str) -> None:
    """Run one clause on one subject, such as ``check("gan", "model dcgan-digits", "N1")``.

    Raises ``verdict.Broken`` where it does not hold, ``verdict.Skipped`` where there is nothing to look at, and what
    the plugin's own code raises.
    """
    from aigc_core.testing.registered import find
    from aigc_core.testing.running import perform

    perform(find(plugin, subject), clause)
