"""Golden cases: stored noise or a prompt, the stored output, and tolerances that were measured, not guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_core.findings import Finding
    from aigc_core.run.model import Model


def check_golden(model: Model) -> list[Finding]:
    """Hold a model to every case of its manifest: one finding a case, one that says ``skipped`` where there is none.

    Raises nothing that a model or a file can cause: that is a finding too.
    """
    from aigc_core.errors import ZooError
    from aigc_core.findings import Finding
    from aigc_core.golden.case import cases, stored
    from aigc_core.golden.compare import compare
    from aigc_core.golden.made import made

    try:
        found = cases(model.entry)
    except ZooError as error:
        return [Finding("golden", model.manifest.id, "failed", str(error), error.hint)]
    if not found:
        hint = f"Record one: aigc-zoo golden record {model.manifest.id}"
        return [Finding("golden", model.manifest.id, "skipped", "The manifest has no golden case.", hint)]
    findings = []
    for case in found:
        try:
            findings.append(compare(case, stored(case), made(model, case)))
        except ZooError as error:
            findings.append(Finding(case.check, case.model, "failed", str(error), error.hint))
    return findings
